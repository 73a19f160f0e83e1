package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/domain"
)

// AuthorizationCodeStore reads authorization codes.
type AuthorizationCodeStore interface {
	// AuthorizationCode reads a code; nil when there is none.
	AuthorizationCode(ctx context.Context, tenant ids.Tenant, code string) (*KnownCode, error)
	// SweepAuthorizationCodes deletes at most batch codes that expired long ago
	// and reports how many.
	SweepAuthorizationCodes(ctx context.Context, batch int) (int, error)
}

// KnownCode is a code with what became of it.
type KnownCode struct {
	domain.AuthorizationCode

	IsUsed, HasExpired bool
	// IssuedSessionID is the session that a used code was exchanged for; empty
	// when there is none.
	IssuedSessionID string
}

// AuthorizationCodeTx writes authorization codes.
type AuthorizationCodeTx interface {
	// CreateAuthorizationCode inserts a code and reports false when its user
	// or project was deleted.
	CreateAuthorizationCode(ctx context.Context, text string, code domain.AuthorizationCode) (created bool, err error)
	// SpendAuthorizationCode spends a code in exchange for a session, or for
	// nothing when sessionID is empty. Of all that try, one is told true; the
	// others once it has committed.
	SpendAuthorizationCode(ctx context.Context, tenant ids.Tenant, text, sessionID string) (spent bool, err error)
	// DeleteAuthorizationCodesOfUser deletes a user's unused codes but those
	// for the kept session. With madeBefore set, later ones stay too.
	DeleteAuthorizationCodesOfUser(ctx context.Context, tenant ids.Tenant, userID, keptSessionID string, madeBefore time.Time) error
	// TouchSessionOfUser records a use of the user's unexpired session and
	// reports false when there is none.
	TouchSessionOfUser(ctx context.Context, tenant ids.Tenant, userID, sessionID string, ipInfo *domain.IPInfo) (found bool, err error)
}
