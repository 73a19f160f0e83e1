package app

import (
	"context"
	"net/http"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/domain"
)

// TokenRequest is a request to the token endpoint with grant type
// refresh_token. An empty parameter counts as left out (RFC 6749 section 3.2).
type TokenRequest struct {
	ClientID, ClientSecret, RefreshToken string
}

// GrantedToken is an access token and its lifetime.
type GrantedToken struct {
	AccessToken string
	Lifetime    time.Duration
}

// ExchangeToken authenticates the client and mints an access token for the
// session of the refresh token (auth.md §9.4).
func (a *App) ExchangeToken(ctx context.Context, request TokenRequest) (GrantedToken, error) {
	tenant, err := a.authenticateClient(ctx, request.ClientID, request.ClientSecret)
	if err != nil {
		return GrantedToken{}, err
	}
	if request.RefreshToken == "" {
		return GrantedToken{}, apierr.OAuth(http.StatusBadRequest, "invalid_request", "The parameter refresh_token is missing.")
	}
	token, err := a.RefreshSession(ctx, tenant, request.RefreshToken)
	if err != nil {
		return GrantedToken{}, err
	}
	return GrantedToken{AccessToken: token, Lifetime: a.settings.AccessTokenLifetime}, nil
}

// authenticateClient returns the tenant that a client proved to belong to.
func (a *App) authenticateClient(ctx context.Context, clientID, clientSecret string) (ids.Tenant, error) {
	refused := apierr.InvalidOAuthClientIDOrSecret("")
	tenant := domain.ParseClientID(clientID)
	if !domain.ValidProjectID(tenant.ProjectID) {
		return ids.Tenant{}, refused
	}
	project, err := a.Projects.Project(ctx, tenant.ProjectID)
	if err != nil {
		return ids.Tenant{}, err
	}
	if project == nil || !project.HasBranch(tenant.BranchID) {
		return ids.Tenant{}, refused
	}
	switch clientSecret {
	case "", domain.PublicClientSecret:
		if project.RequirePublishableClientKey {
			return ids.Tenant{}, apierr.PublishableClientKeyRequiredForProject(project.ID)
		}
		if clientSecret == "" {
			return ids.Tenant{}, refused
		}
	default:
		if !project.AcceptsKey(clientSecret, a.Clock.Now()) {
			return ids.Tenant{}, refused
		}
	}
	return tenant, nil
}
