package app

import (
	"context"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/identity/internal/domain"
)

// publicClientSecret is the client secret of a client that has none (auth.md
// §9.1).
const publicClientSecret = "__stack_public_client__"

// clientProject is the project that an OAuth client is of.
func clientProject(clientID string) string {
	projectID, _, _ := strings.Cut(clientID, "#")
	return projectID
}

// authorizingClient reads the project of an OAuth client that an authorization
// request names, and checks the publishable key that is its secret (auth.md
// §9.2). It fails with INVALID_OAUTH_CLIENT_ID_OR_SECRET,
// PUBLISHABLE_CLIENT_KEY_REQUIRED_FOR_PROJECT or
// INVALID_PUBLISHABLE_CLIENT_KEY.
func (a *App) authorizingClient(ctx context.Context, clientID, clientSecret string) (request, error) {
	projectID, branchID, named := strings.Cut(clientID, "#")
	if !named {
		branchID = domain.MainBranch
	}
	unknown := apierr.InvalidOAuthClientIDOrSecret(clientID)
	if projectID != domain.InternalProject && !ids.ValidUUID(projectID) {
		return request{}, unknown
	}
	access, err := a.store.ProjectAccess(ctx, projectID)
	switch {
	case err != nil:
		return request{}, err
	case access == nil || !slices.Contains(access.Branches, branchID):
		return request{}, unknown
	case clientSecret == "" || clientSecret == publicClientSecret:
		if access.RequirePublishableClientKey {
			return request{}, apierr.PublishableClientKeyRequiredForProject(projectID)
		}
	case !access.accepts(clientSecret):
		return request{}, apierr.InvalidPublishableClientKey(projectID)
	}
	tenant := ids.Tenant{ProjectID: access.ProjectID, BranchID: branchID}
	config, err := a.configs.Get(ctx, tenant, access.Version)
	if err != nil {
		return request{}, err
	}
	return request{
		Principal: principal.Principal{
			ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Access: principal.AccessClient, ConfigVersion: access.Version,
		},
		tenant: tenant, config: config,
	}, nil
}

// accepts reports whether a publishable client key is valid.
func (p *ProjectAccess) accepts(key string) bool {
	hash := sha256.Sum256([]byte(key))
	return slices.ContainsFunc(p.KeySets, func(set domain.APIKeySet) bool {
		return set.PublishableClientKey != nil && slices.Equal(set.PublishableClientKey.Hash, hash[:])
	})
}

// oauthProvider is a provider that a project uses.
type oauthProvider struct {
	projectconfig.OAuthProvider

	// configID is its key in the configuration.
	configID string
	client   ProviderClient
}

// callbackID names the provider in the path that it leads back to: by its type
// or, as there may be many of that type, by its key.
func (p *oauthProvider) callbackID() string {
	if p.Type == domain.CustomOIDC {
		return p.configID
	}
	return p.Type
}

// oauthProvider finds a provider by its key, which SDKs write in lower case. It
// fails with OAUTH_PROVIDER_NOT_FOUND_OR_NOT_ENABLED, also for one that nobody
// gave keys.
func (a *App) oauthProvider(config *projectconfig.Config, id string) (*oauthProvider, error) {
	configured, ok := config.Auth.OAuth.Providers[id]
	if !ok {
		id = strings.ToLower(id)
		configured, ok = config.Auth.OAuth.Providers[id]
	}
	if !ok || !domain.IsOAuthProviderType(configured.Type) {
		return nil, apierr.OAuthProviderNotFoundOrNotEnabled()
	}
	p := &oauthProvider{OAuthProvider: configured, configID: id, client: ProviderClient{
		Type:              configured.Type,
		ClientID:          configured.ClientID,
		ClientSecret:      configured.ClientSecret,
		FacebookConfigID:  configured.FacebookConfigID,
		MicrosoftTenantID: configured.MicrosoftTenantID,
	}}
	if p.Type == domain.CustomOIDC {
		p.client.Issuer = configured.IssuerURL
	}
	p.client.RedirectURL = a.publicURL + "/api/v1/auth/oauth/callback/" + p.callbackID()
	if p.IsShared {
		if p.client.ClientID, p.client.ClientSecret, ok = a.oauth.SharedClient(p.Type); !ok {
			return nil, apierr.OAuthProviderNotFoundOrNotEnabled()
		}
	}
	if p.client.ClientID == "" || p.client.ClientSecret == "" || p.Type == domain.CustomOIDC && p.client.Issuer == "" {
		return nil, apierr.OAuthProviderNotFoundOrNotEnabled()
	}
	return p, nil
}

// tokenUser verifies an access token that came as a parameter. Tokens of
// anonymous and restricted users are as good as others.
func (a *App) tokenUser(ctx context.Context, req request, token string) (*TokenUser, error) {
	user, err := a.accessTokens.VerifyAccessToken(ctx, toSecret(token))
	if err != nil {
		return nil, err
	}
	if user.Tenant != req.tenant {
		return nil, apierr.Text(http.StatusForbidden, "The access token belongs to another project or branch.")
	}
	return user, nil
}
