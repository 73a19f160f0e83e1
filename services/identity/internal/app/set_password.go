package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/domain"
)

// SetPassword gives the signed-in user a first password (auth.md §6.3). Their
// sessions stay.
func (a *App) SetPassword(ctx context.Context, password secret.Secret) error {
	req, credential, err := a.passwordRequest(ctx, password)
	if err != nil {
		return err
	}
	if credential.PasswordHash != "" {
		return errHasPassword()
	}
	hash, err := a.hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		created, err := tx.CreatePassword(ctx, req.tenant, req.UserID, hash)
		if err != nil {
			return err
		}
		if !created {
			return errHasPassword()
		}
		return tx.Emit(ctx, PasswordChanged{Tenant: req.tenant, UserID: req.UserID})
	})
	if apierr.HasCode(err, apierr.CodeUserNotFound) {
		return errSignedInUserRequired()
	}
	return err
}

// passwordRequest does what setting and replacing a password begin with.
func (a *App) passwordRequest(ctx context.Context, password secret.Secret) (request, *Credential, error) {
	req, err := a.request(ctx)
	if err != nil {
		return request{}, nil, err
	}
	var credential *Credential
	if req.SignedIn() {
		if credential, err = a.store.Credential(ctx, req.tenant, req.UserID); err != nil {
			return request{}, nil, err
		}
	}
	switch {
	case credential == nil:
		return request{}, nil, errSignedInUserRequired()
	case !req.config.Auth.Password.AllowSignIn:
		return request{}, nil, apierr.PasswordAuthenticationNotEnabled()
	}
	if err := domain.CheckNewPassword(password.Reveal()); err != nil {
		return request{}, nil, err
	}
	return req, credential, nil
}

// errSignedInUserRequired is for operations whose schema demands a signed-in
// user; one who was deleted since their token was made is none.
func errSignedInUserRequired() error {
	return apierr.SchemaError("headers: an access token of a user is required")
}

func errHasPassword() error {
	return apierr.Text(http.StatusBadRequest, "The user already has a password.")
}
