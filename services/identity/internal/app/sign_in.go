package app

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain"
)

// mfaAttemptTTL is how long a passed first factor is good for (auth.md §12).
const mfaAttemptTTL = 5 * time.Minute

// SignedIn is a user with the session that was opened for them.
type SignedIn struct {
	UserID    string
	IsNewUser bool
	Tokens    Tokens
}

// mfaAttempt is what the code of a passed first factor remembers.
type mfaAttempt struct {
	UserID    string `json:"user_id"`
	IsNewUser bool   `json:"is_new_user"`
	// PasswordChangedAt is nil for a user without password.
	PasswordChangedAt *time.Time `json:"password_changed_at"`
}

// arrival is a user who proved their first factor.
type arrival struct {
	user      *domain.User
	isNewUser bool
	// credential is what it was when the proof was checked; nil for a user who
	// came into being, or was upgraded, in this request.
	credential *Credential
	// proof is of the second factor; the zero value proves nothing.
	proof totpProof
	// guess was right and is not yet noted as such; nil when nothing was
	// guessed.
	guess *Guess
}

// totpProof says whose second factor was proved. Only proveTOTP makes one.
type totpProof struct{ userID string }

// errCredentialChanged says that the user got another password, or was deleted,
// while they signed in.
var errCredentialChanged = errors.New("the credential changed during the sign-in")

// signIn opens a session for a user who proved their first factor. It is the
// only way to a session, so that no flow can forget the second factor: a user
// who has one and did not prove it gets MULTI_FACTOR_AUTHENTICATION_REQUIRED
// instead.
//
// It fails with errCredentialChanged when the credential is no longer what it
// was, and leaves no session behind then. Whoever replaces a password ends all
// sessions after their commit. A session that came later is found here: either
// their commit is seen now, or they see the session.
func (a *App) signIn(ctx context.Context, req request, arrived arrival) (*SignedIn, error) {
	user := arrived.user
	if err := a.checkSecondFactor(ctx, arrived); err != nil {
		return nil, err
	}
	tokens, err := a.sessions.CreateSession(ctx, TokenSubject{
		User:             *user,
		RestrictedReason: user.RestrictedReason(req.config.Onboarding.RequireEmailVerification),
	})
	if err != nil {
		if noted := a.noteGuess(ctx, arrived); noted != nil {
			return nil, noted
		}
		return nil, err
	}
	if arrived.credential != nil {
		current, err := a.store.RecordSignIn(ctx, req.tenant, arrived.credential, arrived.guess)
		if err != nil {
			return nil, err
		}
		if !current {
			if err := a.sessions.RevokeSessions(ctx, req.tenant, user.ID, "", ReasonPasswordChanged); err != nil {
				return nil, err
			}
			return nil, errCredentialChanged
		}
	}
	return &SignedIn{UserID: user.ID, IsNewUser: arrived.isNewUser, Tokens: tokens}, nil
}

// checkSecondFactor asks a user who has a second factor for it, unless they
// proved it.
func (a *App) checkSecondFactor(ctx context.Context, arrived arrival) error {
	if arrived.user.RequiresTOTPMFA && arrived.proof.userID != arrived.user.ID {
		if err := a.noteGuess(ctx, arrived); err != nil {
			return err
		}
		return a.requireSecondFactor(ctx, arrived)
	}
	return nil
}

// noteGuess says that the guess was right where no sign-in does.
func (a *App) noteGuess(ctx context.Context, arrived arrival) error {
	if arrived.guess == nil {
		return nil
	}
	return a.store.SucceedGuess(ctx, *arrived.guess)
}

// requireSecondFactor returns the error that asks for the second factor.
func (a *App) requireSecondFactor(ctx context.Context, arrived arrival) error {
	user, credential := arrived.user, arrived.credential
	if credential == nil {
		var err error
		if credential, err = a.store.Credential(ctx, user.Tenant, user.ID); err != nil {
			return err
		}
		if credential == nil {
			return errCredentialChanged
		}
	}
	payload, err := json.Marshal(mfaAttempt{UserID: user.ID, IsNewUser: arrived.isNewUser, PasswordChangedAt: credential.KnownSince()})
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
