package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/identity/internal/domain"
)

// OAuthConnectionView is a linked account as the API shows it.
type OAuthConnectionView struct {
	domain.OAuthConnection

	// Type is the kind of provider.
	Type string
}

// viewConnection shows a linked account. It reports false when nobody can tell
// what kind of provider the account is of any more.
func viewConnection(config *projectconfig.Config, connection domain.OAuthConnection) (OAuthConnectionView, bool) {
	providerType := config.Auth.OAuth.Providers[connection.ProviderConfigID].Type
	if providerType == "" {
		providerType = connection.ProviderConfigID
	}
	return OAuthConnectionView{OAuthConnection: connection, Type: providerType}, domain.IsOAuthProviderType(providerType)
}

// ownUser checks that a client asks for its own user, and that the user exists.
func (a *App) ownUser(ctx context.Context, req request, userID string) error {
	if req.isClient() {
		switch {
		case !req.SignedIn():
			return apierr.CannotGetOwnUserWithoutUser()
		case userID != req.UserID:
			return apierr.Text(http.StatusForbidden, "Clients may use the linked accounts of their own user only.")
		}
	}
	user, err := a.store.User(ctx, req.tenant, userID)
	switch {
	case err != nil:
		return err
	case user == nil && req.isClient():
		return apierr.CannotGetOwnUserWithoutUser()
	case user == nil:
		return apierr.UserNotFound()
	}
	return nil
}

func errNoSuchConnection() error {
	return apierr.Text(http.StatusNotFound, "The user has no such linked account.")
}
