package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/domain"
)

// Store remembers sessions and signing keys. Its reads see the ambient
// transaction if there is one.
type Store interface {
	APIKeyStore
	CLILoginStore

	// RunTx runs fn in one transaction and commits when fn returns nil. It
	// joins the transaction that ctx carries, and repeats fn after a
	// serialization failure, so fn must have no other effects.
	RunTx(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error

	AuthorizationCodeStore

	// TouchSession records a use of the unexpired session of a refresh token
	// in one statement and returns the session's id and user; found is false
	// when there is none. A nil ipInfo keeps the recorded one.
	TouchSession(ctx context.Context, tenant ids.Tenant, refreshToken string, ipInfo *domain.IPInfo) (used UsedSession, found bool, err error)
	// SessionIDOfToken reads the id of the unexpired session of a user's
	// refresh token; "" when there is none.
	SessionIDOfToken(ctx context.Context, tenant ids.Tenant, userID, refreshToken string) (string, error)
	// SessionExists reports whether the tenant has a session, expired or not.
	// An empty ownerID means any user's.
	SessionExists(ctx context.Context, tenant ids.Tenant, sessionID, ownerID string) (bool, error)
	// SessionsOfUser lists a user's sessions, newest first, expired ones
	// included.
	SessionsOfUser(ctx context.Context, tenant ids.Tenant, userID string, withImpersonations bool) ([]domain.Session, error)
	// SweepSessions deletes at most batch sessions that expired longer than
	// retention ago and reports how many.
	SweepSessions(ctx context.Context, retention time.Duration, batch int) (int, error)
	// SweepOrphans deletes sessions and keys, of any kind, that came into being while their
	// user or project was being deleted.
	SweepOrphans(ctx context.Context) error

	// SigningKeys reads the keys of an audience in no particular order.
	SigningKeys(ctx context.Context, audience domain.Audience) ([]domain.SigningKey, error)
	// AudiencesDue lists audiences with an active key activated, or a retired
	// key retired, by a moment: at most page of them, in the order of their
	// text, from the one after a text.
	AudiencesDue(ctx context.Context, activatedBy, retiredBy time.Time, after string, page int) ([]domain.Audience, error)
}

// UsedSession is what a refresh learns about its session.
type UsedSession struct{ ID, UserID string }

// Tx is what a use case writes.
type Tx interface {
	AuthorizationCodeTx
	APIKeyTx

	// CreateSession inserts a session and reports false when its user or
	// project was deleted.
	CreateSession(ctx context.Context, session NewSession) (created bool, err error)
	// DeleteSession deletes a session and returns its user; deleted is false
	// when there is none. An empty ownerID means any user's.
	DeleteSession(ctx context.Context, tenant ids.Tenant, sessionID, ownerID string) (userID string, deleted bool, err error)
	// DeleteSessionsOfUser deletes a user's sessions but the kept one and
	// returns their ids. With openedBefore set, later sessions stay too.
	DeleteSessionsOfUser(ctx context.Context, tenant ids.Tenant, userID, keptID string, openedBefore time.Time) (sessionIDs []string, err error)
	// RememberDeletedUser makes later CreateSession calls for the user report
	// false.
	RememberDeletedUser(ctx context.Context, tenant ids.Tenant, userID string) error
	// PurgeProject deletes every row of the project and remembers that it was
	// deleted.
	PurgeProject(ctx context.Context, projectID string) error

	// CreateSigningKey inserts a key and reports false when the audience has a
	// key in this state, or when its project was deleted.
	CreateSigningKey(ctx context.Context, key domain.SigningKey) (created bool, err error)
	// RetireSigningKey retires a key unless it is not active any more.
	RetireSigningKey(ctx context.Context, key domain.SigningKey, at time.Time) (retired bool, err error)
	// ActivateSigningKey activates a key unless it is not next any more.
	ActivateSigningKey(ctx context.Context, key domain.SigningKey, at time.Time) (activated bool, err error)
	// DeleteSigningKey deletes a key unless it has left the state it is in.
	DeleteSigningKey(ctx context.Context, key domain.SigningKey) (deleted bool, err error)
	// DeleteSigningKeys deletes the keys of an audience.
	DeleteSigningKeys(ctx context.Context, audience domain.Audience) error

	// Emit records events to be published after the commit.
	Emit(ctx context.Context, events ...Event) error
}

// NewSession is a session to be inserted.
type NewSession struct {
	ids.Tenant

	ID     string
	UserID string
	// RefreshToken is stored as a hash only.
	RefreshToken    string
	Lifetime        time.Duration
	IPInfo          *domain.IPInfo
	IsImpersonation bool
}

// Users knows users.
type Users interface {
	// TokenSubject records that the user is active and reads what an access
	// token says about them. It fails with USER_NOT_FOUND.
	TokenSubject(ctx context.Context, tenant ids.Tenant, userID string) (domain.Subject, error)
	// SignInSubject is TokenSubject for a user who proved their first factor
	// elsewhere and is about to get a session in exchange for the code. It fails
	// besides with MULTI_FACTOR_AUTHENTICATION_REQUIRED, and with the known errors
	// of what was left until the exchange.
	SignInSubject(ctx context.Context, tenant ids.Tenant, userID, code string) (domain.Subject, error)
	// UserExists reports whether the tenant has such a user.
	UserExists(ctx context.Context, tenant ids.Tenant, userID string) (bool, error)
	// PrimaryEmails reads the primary addresses of users, by id. Users who have
	// none, and those who are unknown, are left out.
	PrimaryEmails(ctx context.Context, tenant ids.Tenant, userIDs []string) (map[string]string, error)
}

// Projects knows projects.
type Projects interface {
	// Project reads a project, as of at most ten seconds ago; nil when there
	// is none.
	Project(ctx context.Context, id string) (*domain.Project, error)
}

// KeyCache holds key sets in memory.
type KeyCache interface {
	// KeySet returns the cached key set of an audience or else calls load,
	// once for all parallel callers.
	KeySet(ctx context.Context, audience domain.Audience, load func(ctx context.Context) (domain.KeySet, error)) (domain.KeySet, error)
	// Forget drops the key set of an audience.
	Forget(audience domain.Audience)
}

// Signer turns access tokens into text and back.
type Signer interface {
	// Sign makes one signature.
	Sign(key domain.SigningKey, token domain.AccessToken, issuer string, issuedAt, expiresAt time.Time) (string, error)
	// Audience reads whom a token says it is for, which proves nothing.
	Audience(token string) (domain.Audience, bool)
	// Verify reads a token that one of the keys has signed for the audience,
	// expired or not. It reports false for any other.
	Verify(token string, keys []domain.PublicKey, audience domain.Audience, issuer string) (domain.VerifiedToken, bool)
}
