package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
)

// CreateOAuthProvider links an account on behalf of the project's backend,
// which vouches for it (users.md §4). It fails with USER_NOT_FOUND,
// OAUTH_PROVIDER_ACCOUNT_ID_ALREADY_USED_FOR_SIGN_IN or a text.
func (a *App) CreateOAuthProvider(ctx context.Context, connection domain.OAuthConnection) (*OAuthConnectionView, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	configured, ok := req.config.Auth.OAuth.Providers[connection.ProviderConfigID]
	if !ok || !domain.IsOAuthProviderType(configured.Type) {
		return nil, apierr.Text(http.StatusNotFound, "The project has no such OAuth provider.")
	}
	connection.Tenant, connection.ID = req.tenant, ids.NewUUID()
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		user, err := tx.LockUser(ctx, req.tenant, connection.UserID)
		if err != nil {
			return err
		}
		if user == nil {
			return apierr.UserNotFound()
		}
		if err := a.checkConnection(ctx, &connection); err != nil {
			return err
		}
		if err := tx.CreateOAuthConnection(ctx, &connection); err != nil {
			return err
		}
		return tx.TouchUser(ctx, req.tenant, connection.UserID)
	})
	if err != nil {
		return nil, connectionConflict(err)
	}
	return &OAuthConnectionView{OAuthConnection: connection, Type: configured.Type}, nil
}
