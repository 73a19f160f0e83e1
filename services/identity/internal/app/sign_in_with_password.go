package app

import (
	"context"
	"errors"
	"log/slog"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/secret"
)

// SignInWithPassword opens a session for the user who signs in with the address
// and knows the password (auth.md §6.2). An unknown address, a user without
// password and a wrong password cost the same work and look the same. After too
// many wrong ones none is looked at for a while, or until somebody proves the
// address.
func (a *App) SignInWithPassword(ctx context.Context, email string, password secret.Secret) (*SignedIn, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if !req.config.Auth.Password.AllowSignIn {
		return nil, apierr.PasswordAuthenticationNotEnabled()
	}
	owner, err := a.store.EmailOwner(ctx, req.tenant, email)
	if err != nil {
		return nil, err
	}
	guess := a.passwordGuess(ctx, req.tenant, owner, email)
	err = a.tryGuess(ctx, guess, a.limits.Password, func() error { return a.provePassword(ctx, req, owner, password) }, apierr.CodeEmailPasswordMismatch)
	if err != nil {
		return nil, err
	}
	signedIn, err := a.signIn(ctx, req, arrival{user: owner.User, credential: owner.Credential, guess: &guess})
	if errors.Is(err, errCredentialChanged) {
		return nil, apierr.EmailPasswordMismatch().WithCause(err)
	}
	return signedIn, err
}

// provePassword fails with EMAIL_PASSWORD_MISMATCH unless the password is that of
// the owner of the address, if there is one and they have any.
func (a *App) provePassword(ctx context.Context, req request, owner *EmailOwner, password secret.Secret) error {
	if owner == nil || owner.Credential.PasswordHash == "" {
		if err := a.hasher.VerifyDummy(ctx, password); err != nil {
			return err
		}
		return apierr.EmailPasswordMismatch()
	}
	verdict, err := a.hasher.Verify(ctx, owner.Credential.PasswordHash, password)
	if err != nil {
		return err
	}
	if !verdict.Match {
		return apierr.EmailPasswordMismatch()
	}
	if verdict.NeedsUpgrade {
		a.upgradePasswordHash(ctx, req, owner.Credential, password)
	}
	return nil
}

// upgradePasswordHash stores a hash of the current kind for a password that was
// imported. The sign-in does not depend on it: the next one tries again.
func (a *App) upgradePasswordHash(ctx context.Context, req request, credential *Credential, password secret.Secret) {
	hash, err := a.hasher.Hash(ctx, password)
	if err == nil {
		err = a.store.UpgradePasswordHash(ctx, req.tenant, credential, hash)
	}
	if err != nil {
		a.logger.WarnContext(ctx, "password hash not upgraded", slog.Any("error", err))
	}
}
