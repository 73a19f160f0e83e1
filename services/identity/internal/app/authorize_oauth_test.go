package app_test

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/oauthprovider"
)

func TestAuthorizeOAuth_errors_inOrder(t *testing.T) {
	h := newOAuthHarness(t)
	key := "pck_" + ids.Secret()
	hash := sha256.Sum256([]byte(key))
	h.exec(`INSERT INTO api_key_sets (project_id, id, description, publishable_client_key_hash, publishable_client_key_last_four, expires_at)
		VALUES ($1, $2, '', $3, 'xxxx', now() + interval '1 day')`, h.tenant.ProjectID, ids.NewUUID(), hash[:])
	stranger := h.token(ids.NewUUID(), false)
	h.tokens.users[secret.Secret(stranger)] = app.TokenUser{Tenant: ids.Tenant{ProjectID: ids.NewUUID(), BranchID: "main"}}
	notFound := apierr.OAuthProviderNotFoundOrNotEnabled()
	for name, tt := range map[string]struct {
		change func(*app.OAuthAuthorization)
		want   *apierr.Error
	}{
		"nonsense client":    {func(in *app.OAuthAuthorization) { in.ClientID = "x" }, apierr.InvalidOAuthClientIDOrSecret("x")},
		"unknown client":     {func(in *app.OAuthAuthorization) { in.ClientID = ids.NewUUID() }, apierr.InvalidOAuthClientIDOrSecret("x")},
		"unknown branch":     {func(in *app.OAuthAuthorization) { in.ClientID += "#other" }, apierr.InvalidOAuthClientIDOrSecret("x")},
		"wrong key":          {func(in *app.OAuthAuthorization) { in.ClientSecret = "pck_x" }, apierr.InvalidPublishableClientKey("")},
		"unknown provider":   {with("nobody"), notFound},
		"no keys":            {with("empty"), notFound},
		"no shared keys":     {with("spotify"), notFound},
		"no issuer":          {with("nowhere"), notFound},
		"not for sign-in":    {with("mine"), notFound},
		"not for linking":    {func(in *app.OAuthAuthorization) { in.ProviderID, in.Type, in.AccessToken = "apple", app.OAuthLink, "x" }, notFound},
		"link without token": {func(in *app.OAuthAuthorization) { in.Type = app.OAuthLink }, apierr.Text(http.StatusBadRequest, "")},
		"untrusted after":    {func(in *app.OAuthAuthorization) { in.AfterCallbackRedirectURL = "https://evil.example" }, apierr.RedirectURLNotWhitelisted("")},
		"bad token":          {func(in *app.OAuthAuthorization) { in.AccessToken = "x" }, apierr.UnparsableAccessToken()},
		"foreign token":      {func(in *app.OAuthAuthorization) { in.AccessToken = stranger }, apierr.Text(http.StatusForbidden, "")},
	} {
		t.Run(name, func(t *testing.T) {
			departure, err := h.AuthorizeOAuth(t.Context(), h.authorization(tt.change))
			wantError(t, err, tt.want)
			if departure != nil {
				t.Errorf("departure %+v", departure)
			}
		})
	}
	for name, change := range map[string]func(*app.OAuthAuthorization){
		"key":        func(in *app.OAuthAuthorization) { in.ClientSecret = key },
		"branch":     func(in *app.OAuthAuthorization) { in.ClientID += "#main" },
		"upper case": with("GOOGLE"),
		// Checked when the browser is back.
		"untrusted pages": func(in *app.OAuthAuthorization) {
			in.RedirectURI, in.ErrorRedirectURL = "https://evil.example", "https://evil.example"
		},
	} {
		if _, err := h.AuthorizeOAuth(t.Context(), h.authorization(change)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := h.count(`SELECT count(*) FROM oauth_authorizations`); n != 4 {
		t.Errorf("%d sign-ins are remembered", n)
	}
	h.exec(`INSERT INTO config_overrides (project_id, branch_id, level, document) VALUES ($1, '', 'project', '{"project.requirePublishableClientKey": true}')`, h.tenant.ProjectID)
	_, err := h.AuthorizeOAuth(t.Context(), h.authorization())
	wantError(t, err, apierr.PublishableClientKeyRequiredForProject(""))
}

func TestAuthorizeOAuth_sharedKeys_refuseMoreScopes(t *testing.T) {
	h := newOAuthHarness(t)
	shared := oauthprovider.New(oauthprovider.Config{Spotify: oauthprovider.TypeConfig{ClientID: "shared", ClientSecret: "s"}}, h.clock)
	h.App = app.New(h.deps(func(deps *app.Deps) {
		deps.OAuth, deps.AuthorizationCodes, deps.AccessTokens = shared, h.tokens, h.tokens
	}))
	_, err := h.AuthorizeOAuth(t.Context(), h.authorization(func(in *app.OAuthAuthorization) { in.ProviderID, in.ProviderScope = "spotify", "more" }))
	wantError(t, err, apierr.OAuthExtraScopeNotAvailableWithSharedOAuthKeys())
	departure, err := h.AuthorizeOAuth(t.Context(), h.authorization(with("spotify")))
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(departure.Location)
	query := u.Query()
	if u.Host != "accounts.spotify.com" || query.Get("client_id") != "shared" || query.Get("scope") != "user-read-email user-read-private" ||
		query.Get("redirect_uri") != publicURL+"/api/v1/auth/oauth/callback/spotify" || query.Get("code_challenge_method") != "S256" ||
		query.Get("response_type") != "code" || query.Get("prompt") != "consent" || query.Get("access_type") != "offline" {
		t.Errorf("location %s", departure.Location)
	}
}
