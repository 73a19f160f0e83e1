package app

import (
	"context"
	"net/http"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/sessions/internal/domain"
)

// Grant types of the token endpoint (auth.md §9.4).
const (
	GrantAuthorizationCode = "authorization_code"
	GrantRefreshToken      = "refresh_token"
)

// TokenRequest is a request to the token endpoint. An empty parameter counts as
// left out (RFC 6749 section 3.2).
type TokenRequest struct {
	GrantType              string
	ClientID, ClientSecret string

	// RefreshToken belongs to GrantRefreshToken.
	RefreshToken string

	// Code, RedirectURI and CodeVerifier belong to GrantAuthorizationCode.
	Code, RedirectURI, CodeVerifier string
}

// GrantedToken is an access token and its lifetime.
type GrantedToken struct {
	AccessToken string
	Lifetime    time.Duration
	// SignIn is nil unless the grant was an authorization code.
	SignIn *GrantedSignIn
}

// GrantedSignIn is what the exchange of an authorization code tells besides.
type GrantedSignIn struct {
	RefreshToken string
	IsNewUser    bool
	// AfterCallback is where the app goes on; nil when nowhere in particular.
	AfterCallback *string
}

// ExchangeToken authenticates the client and mints an access token, for the
// session of a refresh token or in exchange for an authorization code (auth.md
// §9.4).
func (a *App) ExchangeToken(ctx context.Context, request TokenRequest) (GrantedToken, error) {
	// A public client proves itself by the verifier of its code.
	mayBePublic := request.GrantType == GrantAuthorizationCode && request.CodeVerifier != ""
	tenant, err := a.authenticateClient(ctx, request.ClientID, request.ClientSecret, mayBePublic)
	if err != nil {
		return GrantedToken{}, err
	}
	ctx = tenancy.ForProject(ctx, tenant.ProjectID)
	if request.GrantType == GrantAuthorizationCode {
		return a.exchangeCode(ctx, tenant, request)
	}
	if request.RefreshToken == "" {
		return GrantedToken{}, missingParameter("refresh_token")
	}
	token, err := a.RefreshSession(ctx, tenant, request.RefreshToken)
	if err != nil {
		return GrantedToken{}, err
	}
	return GrantedToken{AccessToken: token, Lifetime: a.settings.AccessTokenLifetime}, nil
}

func missingParameter(name string) error {
	return apierr.OAuth(http.StatusBadRequest, "invalid_request", "The parameter "+name+" is missing.")
}

// authenticateClient returns the tenant that a client proved to belong to.
// One that may be public needs no secret, unless the project demands keys.
func (a *App) authenticateClient(ctx context.Context, clientID, clientSecret string, mayBePublic bool) (ids.Tenant, error) {
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
		if clientSecret == "" && !mayBePublic {
			return ids.Tenant{}, refused
		}
	default:
		if !project.AcceptsKey(clientSecret, a.Clock.Now()) {
			return ids.Tenant{}, refused
		}
	}
	return tenant, nil
}
