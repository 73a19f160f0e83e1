package app_test

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/oidctest"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/oauthprovider"
)

const appPage = "http://localhost:3000/handler/oauth-callback"

// ada has a verified address at the provider.
var ada = oidctest.Person{
	Subject: "ada-1", Email: "Ada@Example.com", EmailVerified: true, Name: "Ada Lovelace", Picture: "https://example.org/ada.png",
}

// fakeTokens plays the part of sessions that makes codes and reads tokens.
type fakeTokens struct {
	mu    sync.Mutex
	made  []app.AuthorizationCode
	texts []string
	users map[secret.Secret]app.TokenUser
	err   error
}

func (f *fakeTokens) CreateAuthorizationCode(_ context.Context, code app.AuthorizationCode) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made, f.texts = append(f.made, code), append(f.texts, ids.Secret())
	return f.texts[len(f.texts)-1], f.err
}

func (f *fakeTokens) VerifyAccessToken(_ context.Context, token secret.Secret) (*app.TokenUser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	user, ok := f.users[token]
	if !ok {
		return nil, apierr.UnparsableAccessToken()
	}
	return &user, nil
}

func (f *fakeTokens) last(t *testing.T) app.AuthorizationCode {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.made) == 0 {
		t.Fatal("no authorization code was made")
	}
	return f.made[len(f.made)-1]
}

// oauthHarness is a harness whose project signs in with a real OpenID provider
// that stands in for Google, and for GitHub as GitHub speaks.
type oauthHarness struct {
	*harness

	provider *oidctest.Provider
	tokens   *fakeTokens
	browser  *http.Client
}

func newOAuthHarness(t *testing.T) *oauthHarness {
	t.Helper()
	h := &oauthHarness{
		harness: newHarness(t), provider: oidctest.New(t), tokens: &fakeTokens{users: map[secret.Secret]app.TokenUser{}},
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.browser = &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), publicURL) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	h.provider.LetIn(ada)
	h.config.Auth.OAuth.AccountMergeStrategy = "link_method"
	h.config.Auth.OAuth.Providers = map[string]projectconfig.OAuthProvider{
		"google": {
			Type: "google", AllowSignIn: true, AllowConnectedAccounts: true, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret,
		},
		"github": {
			Type: "github", AllowSignIn: true, AllowConnectedAccounts: true, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret,
		},
		"spotify": {Type: "spotify", IsShared: true, AllowSignIn: true},
		"mine":    {Type: "discord", AllowConnectedAccounts: true, ClientID: "x", ClientSecret: "y"},
		"empty":   {Type: "gitlab", AllowSignIn: true},
		"acme:sso": {
			Type: domain.CustomOIDC, AllowSignIn: true, AllowConnectedAccounts: true, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret,
			IssuerURL: h.provider.URL,
		},
		"nowhere": {Type: domain.CustomOIDC, AllowSignIn: true, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret},
		"apple": {
			Type: "apple", AllowSignIn: true, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret,
			AppleBundles: map[string]projectconfig.AppleBundle{"a": {BundleID: "org.example.app"}},
		},
	}
	h.useOAuth(16)
	return h
}

// useOAuth wires the provider in, over some database connections.
func (h *oauthHarness) useOAuth(connections int32) {
	h.t.Helper()
	if connections != 16 {
		h.useDB(pgtest.Open(h.t, h.url, int(connections)))
	}
	for _, name := range []string{"google", "github", "apple", "acme:sso"} {
		h.provider.Register(publicURL + "/api/v1/auth/oauth/callback/" + name)
	}
	userURL, emailsURL := h.provider.GitHub()
	oauth := oauthprovider.New(oauthprovider.Config{
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Google:        oauthprovider.TypeConfig{Issuer: h.provider.URL},
		Apple:         oauthprovider.TypeConfig{Issuer: h.provider.URL},
		GitHub: oauthprovider.TypeConfig{
			AuthorizationURL: h.provider.URL + "/authorize", TokenURL: h.provider.URL + "/oauth/token", UserInfoURL: userURL, EmailsURL: emailsURL,
		},
	}, h.clock)
	h.App = app.New(h.deps(func(deps *app.Deps) {
		deps.OAuth, deps.AuthorizationCodes, deps.AccessTokens = oauth, h.tokens, h.tokens
	}))
}

// authorization is a request of an app that does everything right.
func (h *oauthHarness) authorization(change ...func(*app.OAuthAuthorization)) app.OAuthAuthorization {
	in := app.OAuthAuthorization{
		ProviderID: "google", ClientID: h.tenant.ProjectID, ClientSecret: "__stack_public_client__", Type: app.OAuthAuthenticate,
		RedirectURI: appPage, Scope: "legacy", State: "the app's state", CodeChallenge: "challenge", CodeChallengeMethod: "S256",
		BindsBrowser: true,
	}
	for _, change := range change {
		change(&in)
	}
	return in
}

// token returns an access token of a user.
func (h *oauthHarness) token(userID string, anonymous bool) string {
	text := ids.Secret()
	h.tokens.mu.Lock()
	defer h.tokens.mu.Unlock()
	h.tokens.users[secret.Secret(text)] = app.TokenUser{Tenant: h.tenant, UserID: userID, IsAnonymous: anonymous}
	return text
}

// visit sends the browser to the provider and returns what it comes back with.
func (h *oauthHarness) visit(in app.OAuthAuthorization) app.OAuthReturn {
	h.t.Helper()
	departure, err := h.AuthorizeOAuth(h.t.Context(), in)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.follow(departure)
}

func (h *oauthHarness) follow(departure *app.OAuthDeparture) app.OAuthReturn {
	h.t.Helper()
	response, err := h.browser.Get(departure.Location)
	if err != nil {
		h.t.Fatal(err)
	}
	_ = response.Body.Close()
	back, err := response.Location()
	if err != nil {
		h.t.Fatalf("the provider answers %s", response.Status)
	}
	query := back.Query()
	came := app.OAuthReturn{
		ProviderID: strings.TrimPrefix(back.Path, "/api/v1/auth/oauth/callback/"),
		State:      query.Get("state"), Code: query.Get("code"), Error: query.Get("error"), Issuer: query.Get("iss"),
	}
	if departure.Binding != nil {
		came.Cookies = app.BindingCookie(departure.Binding.State) + "=true"
	}
	return came
}

// signInWith goes through the provider and returns the code made for the app,
// which has exchanged it.
func (h *oauthHarness) signInWith(change ...func(*app.OAuthAuthorization)) app.AuthorizationCode {
	h.t.Helper()
	code, text := h.arriveWith(change...)
	if err := h.exchange(code, text); err != nil && !apierr.HasCode(err, apierr.CodeMultiFactorAuthenticationRequired) {
		h.t.Fatal(err)
	}
	return code
}

// arriveWith goes through the provider and returns the code made for the app.
func (h *oauthHarness) arriveWith(change ...func(*app.OAuthAuthorization)) (code app.AuthorizationCode, text string) {
	h.t.Helper()
	arrival, err := h.CompleteOAuth(h.t.Context(), h.visit(h.authorization(change...)))
	if err != nil || arrival.IsError {
		h.t.Fatalf("%+v, %v", arrival, err)
	}
	h.tokens.mu.Lock()
	defer h.tokens.mu.Unlock()
	last := len(h.tokens.made) - 1
	return h.tokens.made[last], h.tokens.texts[last]
}

// exchange does what sessions ask for when an app exchanges a code.
func (h *oauthHarness) exchange(code app.AuthorizationCode, text string) error {
	_, err := h.GetSignInSubject(h.t.Context(), h.tenant, code.UserID, text)
	return err
}

// failWith goes through the provider and returns the error that the app is told.
func (h *oauthHarness) failWith(change ...func(*app.OAuthAuthorization)) url.Values {
	h.t.Helper()
	arrival, err := h.CompleteOAuth(h.t.Context(), h.visit(h.authorization(change...)))
	if err != nil || !arrival.IsError {
		h.t.Fatalf("%+v, %v", arrival, err)
	}
	u, err := url.Parse(arrival.Location)
	if err != nil || !strings.HasPrefix(arrival.Location, appPage+"?") {
		h.t.Fatalf("location %s, %v", arrival.Location, err)
	}
	return u.Query()
}

func with(id string) func(*app.OAuthAuthorization) {
	return func(in *app.OAuthAuthorization) { in.ProviderID = id }
}

func linking(token string) func(*app.OAuthAuthorization) {
	return func(in *app.OAuthAuthorization) { in.Type, in.AccessToken = app.OAuthLink, token }
}
