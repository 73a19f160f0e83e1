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
// leaves the code usable. The address is not verified, nobody is signed in. A code
// is not found once its user no longer signs in with the address it was mailed to,
// and has expired once they have another password.
func (a *App) ResetPassword(ctx context.Context, text string, password secret.Secret) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	code, reset, err := a.passwordResetCode(ctx, req, text)
	if err != nil {
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
			if err := a.checkPasswordReset(ctx, req, reset); err != nil {
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

// passwordResetCode finds the code of a reset mail that has not been spent, and
// what it is for. It counts as an attempt.
func (a *App) passwordResetCode(ctx context.Context, req request, text string) (*Code, passwordReset, error) {
	code, err := a.store.AttemptCode(ctx, req.tenant, CodePasswordReset, text)
	if err != nil {
		return nil, passwordReset{}, err
	}
	var reset passwordReset
	err = json.Unmarshal(code.Payload, &reset)
	return code, reset, err
}

// checkPasswordReset refuses codes that somebody may have kept who could read the
// mails of the user, or knew their password, until they did something about it.
func (a *App) checkPasswordReset(ctx context.Context, req request, reset passwordReset) error {
	if reset.Email == "" {
		return nil // from before codes remembered it
	}
	owner, err := a.store.EmailOwner(ctx, req.tenant, reset.Email)
	switch {
	case err != nil:
		return err
	case owner == nil || owner.User.ID != reset.UserID:
		return apierr.VerificationCodeNotFound()
	case !sameTime(reset.PasswordChangedAt, owner.Credential.KnownSince()):
		return apierr.VerificationCodeExpired()
	}
	return nil
}
