package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/secret"
)

// PasswordUpdate replaces a password.
type PasswordUpdate struct {
	Old, New secret.Secret
	// RefreshToken names the session that survives; empty when none does.
	RefreshToken secret.Secret
}

// UpdatePassword replaces the signed-in user's password and ends their other
// sessions (auth.md §6.4). It fails when the sessions cannot be ended at once,
// although the password is then changed and they end as soon as possible.
func (a *App) UpdatePassword(ctx context.Context, in PasswordUpdate) error {
	req, credential, err := a.passwordRequest(ctx, in.New)
	if err != nil {
		return err
	}
	if credential.PasswordHash == "" {
		return apierr.UserDoesNotHavePassword()
	}
	guess := a.userGuess(ctx, req.tenant, GuessPassword, req.UserID)
	err = a.guess(ctx, guess, a.limits.Password, func() error {
		verdict, err := a.hasher.Verify(ctx, credential.PasswordHash, in.Old)
		if err == nil && !verdict.Match {
			err = apierr.PasswordConfirmationMismatch()
		}
		return err
	}, apierr.CodePasswordConfirmationMismatch)
	if err != nil {
		return err
	}
	hash, err := a.hasher.Hash(ctx, in.New)
	if err != nil {
		return err
	}
	keptSessionID := ""
	if in.RefreshToken != "" {
		if keptSessionID, err = a.sessions.FindSession(ctx, req.tenant, req.UserID, in.RefreshToken); err != nil {
			return err
		}
	}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		replaced, err := tx.ReplacePassword(ctx, req.tenant, credential, hash)
		if err != nil {
			return err
		}
		if !replaced {
			return apierr.PasswordConfirmationMismatch()
		}
		return tx.Emit(ctx, PasswordChanged{
			Tenant: req.tenant, UserID: req.UserID, KeptSessionID: keptSessionID, RevokesSessions: true,
		})
	})
	if err != nil {
		return err
	}
	return a.sessions.RevokeSessions(ctx, req.tenant, req.UserID, keptSessionID, ReasonPasswordChanged)
}
