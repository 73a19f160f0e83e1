package app

import (
	"context"
	"errors"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/services/identity/internal/domain"
)

// OAuthConnectionPatch is a partial update of a linked account. Which fields a
// caller may set is decided where requests are translated.
type OAuthConnectionPatch struct {
	AllowSignIn, AllowConnectedAccounts patch.Field[bool]
	Email, AccountID                    patch.Field[string]
}

// UpdateOAuthProvider changes an account linked to a user (users.md §4). It
// fails with USER_NOT_FOUND, OAUTH_PROVIDER_ACCOUNT_ID_ALREADY_USED_FOR_SIGN_IN
// or a text.
func (a *App) UpdateOAuthProvider(ctx context.Context, userID, connectionID string, fields OAuthConnectionPatch) (*OAuthConnectionView, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.ownUser(ctx, req, userID); err != nil {
		return nil, err
	}
	var shown OAuthConnectionView
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		// The lock of the user keeps their other accounts as they are.
		user, err := tx.LockUser(ctx, req.tenant, userID)
		if err != nil {
			return err
		}
		if user == nil {
			return apierr.UserNotFound()
		}
		connection, err := tx.LockOAuthConnection(ctx, req.tenant, userID, connectionID)
		if err != nil {
			return err
		}
		if connection == nil {
			return errNoSuchConnection()
		}
		connection.AllowSignIn = fields.AllowSignIn.Or(connection.AllowSignIn)
		connection.AllowConnectedAccounts = fields.AllowConnectedAccounts.Or(connection.AllowConnectedAccounts)
		connection.AccountID = fields.AccountID.Or(connection.AccountID)
		connection.Email = domain.NilIfEmpty(fields.Email.OrPointer(connection.Email))
		var ok bool
		if shown, ok = viewConnection(req.config, *connection); !ok {
			return errNoSuchConnection()
		}
		if err := a.checkConnection(ctx, connection); err != nil {
			return err
		}
		if err := tx.UpdateOAuthConnection(ctx, connection); err != nil {
			return err
		}
		return tx.TouchUser(ctx, req.tenant, userID)
	})
	if err != nil {
		return nil, connectionConflict(err)
	}
	return &shown, nil
}

// checkConnection looks for what else the user has of the provider (users.md
// §4). Whether the account signs in somebody else is left to the database.
func (a *App) checkConnection(ctx context.Context, connection *domain.OAuthConnection) error {
	others, err := a.store.OAuthConnections(ctx, connection.Tenant, connection.UserID)
	if err != nil {
		return err
	}
	var conflict error
	for _, other := range others {
		switch {
		case other.ID == connection.ID || other.ProviderConfigID != connection.ProviderConfigID:
		case connection.AllowSignIn && other.AllowSignIn:
			return ErrSecondSignIn
		case other.AccountID == connection.AccountID:
			conflict = ErrLinkedAlready
		}
	}
	return conflict
}

// connectionConflict gives conflicts their sentences.
func connectionConflict(err error) error {
	switch {
	case errors.Is(err, ErrSecondSignIn):
		return apierr.Text(http.StatusBadRequest, "The user signs in with another account of this provider already.").WithCause(err)
	case errors.Is(err, ErrLinkedAlready):
		return apierr.Text(http.StatusBadRequest, "This account is linked to the user already.").WithCause(err)
	}
	return err
}
