package app

import (
	"context"
	"encoding/json"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain"
)

// mfaAttemptTTL is how long a passed first factor is good for (auth.md §12).
const mfaAttemptTTL = 5 * time.Minute

// SignedIn is a user with the session that was opened for them.
type SignedIn struct {
	UserID string
	Tokens Tokens
}

// MFAAttempt is what the code of a passed first factor remembers.
type MFAAttempt struct {
	UserID    string `json:"user_id"`
	IsNewUser bool   `json:"is_new_user"`
}

// signIn opens a session for a user who proved their first factor. It is the
// only way to a session, so that no flow can forget the second factor: a user
// who has one gets MULTI_FACTOR_AUTHENTICATION_REQUIRED instead.
func (a *App) signIn(ctx context.Context, req request, user *domain.User, isNewUser bool) (*SignedIn, error) {
	if user.RequiresTOTPMFA {
		return nil, a.requireSecondFactor(ctx, user, isNewUser)
	}
	tokens, err := a.sessions.CreateSession(ctx, TokenSubject{
		User:             *user,
		RestrictedReason: user.RestrictedReason(req.config.Onboarding.RequireEmailVerification),
	})
	if err != nil {
		return nil, err
	}
	return &SignedIn{UserID: user.ID, Tokens: tokens}, nil
}

// requireSecondFactor returns the error that asks for the second factor.
func (a *App) requireSecondFactor(ctx context.Context, user *domain.User, isNewUser bool) error {
	payload, err := json.Marshal(MFAAttempt{UserID: user.ID, IsNewUser: isNewUser})
	if err != nil {
		return err
	}
	var code string
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		code, err = tx.IssueCode(ctx, NewCode{Tenant: user.Tenant, Kind: CodeMFAAttempt, Payload: payload, TTL: mfaAttemptTTL})
		return err
	})
	if err != nil {
		return err
	}
	return apierr.MultiFactorAuthenticationRequired(code)
}
