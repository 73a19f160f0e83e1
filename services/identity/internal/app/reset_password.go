package app

import (
	"context"
	"encoding/json"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/domain"
)

// ResetPassword spends a code from a reset mail, gives its user the password
// and ends all their sessions (auth.md §6.6). A password that may not be chosen
// leaves the code usable. The address is not verified, nobody is signed in.
func (a *App) ResetPassword(ctx context.Context, text string, password secret.Secret) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	code, err := a.store.AttemptCode(ctx, req.tenant, CodePasswordReset, text)
	if err != nil {
		return err
	}
	var reset passwordReset
	if err := json.Unmarshal(code.Payload, &reset); err != nil {
		return err
	}
	if !req.config.Auth.Password.AllowSignIn {
		return apierr.PasswordAuthenticationNotEnabled()
	}
	if err := domain.CheckNewPassword(password.Reveal()); err != nil {
		return err
	}
	hash, err := a.hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = a.changeUser(ctx, req, reset.UserID, userChange{
		apply: func(ctx context.Context, tx Tx, user *domain.User) (UserRow, error) {
			if !user.HasPassword && user.PrimaryEmail == nil {
				return UserRow{}, apierr.VerificationCodeNotFound()
			}
			if err := tx.ConsumeCode(ctx, code); err != nil {
				return UserRow{}, err
			}
			user.HasPassword = true
			return UserRow{}, tx.SetPassword(ctx, user.Tenant, user.ID, hash)
		},
		passwordChanged: true,
	})
	if apierr.HasCode(err, apierr.CodeUserNotFound) {
		return apierr.VerificationCodeNotFound().WithCause(err)
	}
	return err
}
