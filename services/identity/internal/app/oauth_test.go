package app_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/oidctest"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
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
	users map[secret.Secret]app.TokenUser
	err   error
}

func (f *fakeTokens) CreateAuthorizationCode(_ context.Context, code app.AuthorizationCode) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made = append(f.made, code)
	return "the-code", f.err
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

// signInWith goes through the provider and returns the code made for the app.
func (h *oauthHarness) signInWith(change ...func(*app.OAuthAuthorization)) app.AuthorizationCode {
	h.t.Helper()
	arrival, err := h.CompleteOAuth(h.t.Context(), h.visit(h.authorization(change...)))
	if err != nil || arrival.IsError {
		h.t.Fatalf("%+v, %v", arrival, err)
	}
	return h.tokens.last(h.t)
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

func TestOAuth_unknownAccount_signsUp(t *testing.T) {
	h := newOAuthHarness(t)
	h.config.Teams.CreatePersonalTeamOnSignUp = true
	ctx := principal.NewRequestContext(t.Context(), principal.Request{Country: "CH"})
	arrival, err := h.CompleteOAuth(ctx, h.visit(h.authorization(func(in *app.OAuthAuthorization) {
		in.AfterCallbackRedirectURL = "http://localhost:3000/welcome"
		in.RedirectURI += "?keep=1#fragment"
	})))
	if err != nil {
		t.Fatal(err)
	}
	if want := appPage + "?code=the-code&keep=1&state=the+app%27s+state"; arrival.Location != want || arrival.IsError || arrival.Binding == nil {
		t.Errorf("arrival %+v", arrival)
	}
	code := h.tokens.last(t)
	if !code.IsNewUser || code.RedirectURI != appPage+"?keep=1" || code.CodeChallenge != "challenge" || code.CodeChallengeMethod != "S256" ||
		code.AfterCallbackRedirectURL != "http://localhost:3000/welcome" || code.Tenant != h.tenant {
		t.Errorf("code %+v", code)
	}
	if len(h.sessions.opened) != 0 {
		t.Error("a session was opened before the exchange")
	}
	user := h.me(code.UserID)
	if *user.DisplayName != "Ada Lovelace" || *user.ProfileImageURL != ada.Picture || *user.CountryCode != "CH" || user.IsAnonymous ||
		*user.PrimaryEmail != (domain.PrimaryEmail{Value: "ada@example.com", IsVerified: true, UsedForAuth: true}) {
		t.Errorf("user %+v", user)
	}
	if len(user.OAuthAccounts) != 1 || user.OAuthAccounts[0].ProviderConfigID != "google" || user.OAuthAccounts[0].AccountID != "ada-1" {
		t.Errorf("accounts %+v", user.OAuthAccounts)
	}
	events := h.events()
	if facts(events) != "user.created" || len(events[0].GetUserCreated().GetUser().GetFields()["oauth_providers"].GetListValue().GetValues()) != 1 {
		t.Errorf("events %v", events)
	}
	if len(h.teams.created) != 1 || h.teams.created[0].DisplayName != "Ada Lovelace's Team" {
		t.Errorf("teams %+v", h.teams.created)
	}

	again := h.signInWith()
	if again.UserID != code.UserID || again.IsNewUser {
		t.Errorf("again %+v", again)
	}
	if events := h.events(); len(events) != 0 {
		t.Errorf("events %v", events)
	}
}

// The other types are no OpenID providers: what they say about an account has
// the shape they gave it.
func TestOAuth_providerWithAShapeOfItsOwn_isUnderstood(t *testing.T) {
	h := newOAuthHarness(t)
	code := h.signInWith(with("GitHub"))
	user := h.me(code.UserID)
	if user.PrimaryEmail.Value != "ada@example.com" || !user.PrimaryEmail.IsVerified || user.OAuthAccounts[0].ProviderConfigID != "github" ||
		user.OAuthAccounts[0].AccountID != "5097" {
		t.Errorf("user %+v", user)
	}
}

// A project brings a provider that nobody else knows: what there is to know
// about it comes from its issuer.
func TestOAuth_customProvider_isDiscovered(t *testing.T) {
	h := newOAuthHarness(t)
	code := h.signInWith(with("Acme:SSO"))
	user := h.me(code.UserID)
	if !code.IsNewUser || *user.PrimaryEmail != (domain.PrimaryEmail{Value: "ada@example.com", IsVerified: true, UsedForAuth: true}) ||
		user.OAuthAccounts[0].ProviderConfigID != "acme:sso" || user.OAuthAccounts[0].AccountID != "ada-1" {
		t.Errorf("user %+v", user)
	}
	if again := h.signInWith(with("acme:sso")); again.UserID != code.UserID || again.IsNewUser {
		t.Errorf("again %+v", again)
	}
	// Another provider that says the same address is verified joins.
	if merged := h.signInWith(with("google")); merged.UserID != code.UserID {
		t.Errorf("merged %+v", merged)
	}

	h.provider.LetIn(oidctest.Person{Subject: "grace", Email: "grace@example.com", EmailVerified: true})
	other := h.signUp("other@example.com")
	offline := func(in *app.OAuthAuthorization) { in.ProviderScope = "offline_access" }
	if linked := h.signInWith(with("acme:sso"), linking(h.token(other, false)), offline); linked.UserID != other || linked.IsNewUser {
		t.Errorf("linked %+v", linked)
	}
	ctx := h.as(principal.AccessClient, other)
	connections, err := h.ListOAuthProviders(ctx, other)
	if err != nil || len(connections) != 1 || connections[0].Type != domain.CustomOIDC || connections[0].ProviderConfigID != "acme:sso" {
		t.Errorf("connections %+v, %v", connections, err)
	}
	accounts, err := h.ListConnectedAccounts(ctx, other)
	if err != nil || len(accounts) != 1 || accounts[0].AccountID != "grace" {
		t.Errorf("accounts %+v, %v", accounts, err)
	}
	token, err := h.CreateProviderAccessToken(ctx, app.ProviderTokenRequest{UserID: other, ProviderID: "acme:sso"})
	if err != nil || token == "" {
		t.Errorf("token of %d characters, %v", len(token), err)
	}
	h.provider.Revoke(false)
	fresh, err := h.CreateProviderAccessToken(ctx, app.ProviderTokenRequest{UserID: other, ProviderID: "acme:sso"})
	if err != nil || fresh == "" || fresh == token {
		t.Errorf("a revoked token is handed out, %v", err)
	}
}

func TestOAuth_customProvider_otherIssuersDoNotCount(t *testing.T) {
	h := newOAuthHarness(t)
	came := h.visit(h.authorization(with("acme:sso")))
	for name, tt := range map[string]struct {
		change func(*app.OAuthReturn)
	}{
		"path of another": {func(in *app.OAuthReturn) { in.ProviderID = domain.CustomOIDC }},
		"another issuer":  {func(in *app.OAuthReturn) { in.Issuer = "https://evil.example" }},
	} {
		in := came
		tt.change(&in)
		arrival, err := h.CompleteOAuth(t.Context(), in)
		if !errors.Is(err, apierr.Text(http.StatusBadRequest, "")) || arrival.Location != "" {
			t.Errorf("%s: %+v, %v", name, arrival, err)
		}
	}
}

func TestOAuth_unverifiedAddress_isStoredAsSuch(t *testing.T) {
	h := newOAuthHarness(t)
	h.provider.LetIn(oidctest.Person{Subject: "bob", Email: "bob@example.com"})
	user := h.me(h.signInWith().UserID)
	if *user.PrimaryEmail != (domain.PrimaryEmail{Value: "bob@example.com", UsedForAuth: true}) || user.DisplayName != nil {
		t.Errorf("user %+v", user)
	}
	h.provider.LetIn(oidctest.Person{Subject: "nobody", Name: "\x00  ", Picture: "javascript:alert(1)"})
	user = h.me(h.signInWith().UserID)
	if user.PrimaryEmail != nil || user.DisplayName != nil || user.ProfileImageURL != nil {
		t.Errorf("user %+v", user)
	}
}

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

func TestCompleteOAuth_strangeReturns_areAnsweredDirectly(t *testing.T) {
	h := newOAuthHarness(t)
	badRequest := apierr.Text(http.StatusBadRequest, "")
	for name, tt := range map[string]struct {
		change    func(*app.OAuthReturn)
		wantBound bool
	}{
		"unknown state":        {func(in *app.OAuthReturn) { in.State = ids.Secret() }, false},
		"no cookie":            {func(in *app.OAuthReturn) { in.Cookies = "" }, false},
		"cookie of another":    {func(in *app.OAuthReturn) { in.Cookies = app.BindingCookie(ids.Secret()) + "=true" }, false},
		"path of another":      {func(in *app.OAuthReturn) { in.ProviderID = "github" }, true},
		"made-up code":         {func(in *app.OAuthReturn) { in.Code = "guessed" }, true},
		"no code":              {func(in *app.OAuthReturn) { in.Code = "" }, true},
		"issuer of another":    {func(in *app.OAuthReturn) { in.Issuer = "https://accounts.google.com" }, true},
		"error of its own":     {func(in *app.OAuthReturn) { in.Error = "interaction_required" }, true},
		"bad credentials":      {func(in *app.OAuthReturn) { in.Error = "unauthorized_client" }, true},
		"unauthorised a scope": {func(in *app.OAuthReturn) { in.Error = "invalid_scope" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			in := h.visit(h.authorization())
			tt.change(&in)
			arrival, err := h.CompleteOAuth(t.Context(), in)
			wantError(t, err, badRequest)
			if arrival.Location != "" || (arrival.Binding != nil) != tt.wantBound {
				t.Errorf("arrival %+v", arrival)
			}
		})
	}
	if len(h.tokens.made) != 0 || h.count(`SELECT count(*) FROM users`) != 0 {
		t.Error("somebody came in")
	}
}

// T7. A code of one browser is worth nothing with the state of another: the
// provider binds it to the verifier, and the identity token to the nonce.
func TestCompleteOAuth_injectedCode_isRefused(t *testing.T) {
	h := newOAuthHarness(t)
	attacker, victim := h.visit(h.authorization()), h.visit(h.authorization())
	victim.Code = attacker.Code
	_, err := h.CompleteOAuth(t.Context(), victim)
	wantError(t, err, apierr.Text(http.StatusBadRequest, ""))
	if h.count(`SELECT count(*) FROM users`) != 0 {
		t.Error("somebody came in")
	}
}

// The provider, too, takes its code once: what counts is that nobody asks again.
func TestCompleteOAuth_sameState_worksOnce(t *testing.T) {
	h := newOAuthHarness(t)
	for range 10 {
		in := h.visit(h.authorization())
		asked := h.provider.Requests("/oauth/token")
		var ok, refused int
		var mu sync.Mutex
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				_, err := h.CompleteOAuth(t.Context(), in)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					ok++
				} else if errors.Is(err, apierr.Text(http.StatusBadRequest, "")) {
					refused++
				}
			})
		}
		calls.Wait()
		if asked = h.provider.Requests("/oauth/token") - asked; ok != 1 || refused != 7 || asked != 1 {
			t.Fatalf("%d succeeded, %d were refused, the provider was asked %d times", ok, refused, asked)
		}
	}
	if n := h.count(`SELECT count(*) FROM users`); n != 1 {
		t.Errorf("%d users", n)
	}
}

// R14. Without the index oauth_accounts_sign_in_key there are as many users as
// sign-ins: an account without an address has nothing else that is unique.
func TestCompleteOAuth_sameAccountWithoutAddress_makesOneUser(t *testing.T) {
	h := newOAuthHarness(t)
	h.provider.LetIn(oidctest.Person{Subject: "nameless"})
	var calls []func()
	for range 8 {
		in := h.visit(h.authorization())
		calls = append(calls, func() {
			if arrival, err := h.CompleteOAuth(t.Context(), in); err != nil || arrival.IsError {
				t.Errorf("%+v, %v", arrival, err)
			}
		})
	}
	pgtest.Gather(t, h.url, "LOCK TABLE oauth_accounts IN SHARE ROW EXCLUSIVE MODE", len(calls), calls...)
	if n := h.count(`SELECT count(*) FROM users`); n != 1 || len(h.tokens.made) != len(calls) {
		t.Errorf("%d users, %d codes", n, len(h.tokens.made))
	}
}

// R14. Many sign-ins of one new account make one user.
func TestCompleteOAuth_sameAccountInParallel_makesOneUser(t *testing.T) {
	h := newOAuthHarness(t)
	returns := make([]app.OAuthReturn, 16)
	for i := range returns {
		returns[i] = h.visit(h.authorization())
	}
	var calls sync.WaitGroup
	for _, in := range returns {
		calls.Go(func() {
			if arrival, err := h.CompleteOAuth(t.Context(), in); err != nil || arrival.IsError {
				t.Errorf("%+v, %v", arrival, err)
			}
		})
	}
	calls.Wait()
	newcomers := 0
	for _, code := range h.tokens.made {
		if code.UserID != h.tokens.made[0].UserID {
			t.Error("two users")
		}
		if code.IsNewUser {
			newcomers++
		}
	}
	if n := h.count(`SELECT count(*) FROM users`); n != 1 || newcomers != 1 {
		t.Errorf("%d users, %d of them new", n, newcomers)
	}
	if names := facts(h.events()); names != "user.created" {
		t.Errorf("events %s", names)
	}
}

func TestCompleteOAuth_knownErrors_goToTheApp(t *testing.T) {
	h := newOAuthHarness(t)
	h.provider.Deny()
	told := h.failWith()
	if told.Get("error") != "server_error" || told.Get("errorCode") != "OAUTH_PROVIDER_ACCESS_DENIED" || told.Get("details") != "{}" ||
		told.Get("message") == "" || told.Get("error_description") == "" || told.Has("code") {
		t.Errorf("told %v", told)
	}
	h.provider.LetIn(ada)

	// Each way of client authentication is tried.
	h.provider.Fail("/oauth/token", http.StatusServiceUnavailable, 2)
	if told := h.failWith(); told.Get("errorCode") != "OAUTH_PROVIDER_TEMPORARILY_UNAVAILABLE" {
		t.Errorf("token endpoint down: %v", told)
	}
	h.provider.Fail("/userinfo", http.StatusTooManyRequests, 3)
	if told := h.failWith(); told.Get("errorCode") != "OAUTH_PROVIDER_TEMPORARILY_UNAVAILABLE" {
		t.Errorf("user info down: %v", told)
	}
	h.provider.Fail("/userinfo", http.StatusBadGateway, 2)
	h.signInWith()

	in := h.visit(h.authorization())
	h.exec(`UPDATE oauth_authorizations SET created_at = now() - interval '11 minutes'`)
	arrival, err := h.CompleteOAuth(t.Context(), in)
	if err != nil || !strings.Contains(arrival.Location, "errorCode=OUTER_OAUTH_TIMEOUT") {
		t.Errorf("too late: %+v, %v", arrival, err)
	}

	in = h.visit(h.authorization())
	delete(h.config.Auth.OAuth.Providers, "google")
	if arrival, err := h.CompleteOAuth(t.Context(), in); err != nil || !strings.Contains(arrival.Location, "OAUTH_PROVIDER_NOT_FOUND_OR_NOT_ENABLED") {
		t.Errorf("provider removed: %+v, %v", arrival, err)
	}
}

func TestCompleteOAuth_policies_decideAboutSignUp(t *testing.T) {
	h := newOAuthHarness(t)
	h.config.Auth.SignUpRulesDefaultAction = "reject"
	told := h.failWith()
	if told.Get("errorCode") != "SIGN_UP_REJECTED" || !strings.Contains(told.Get("details"), `"message"`) {
		t.Errorf("rejected: %v", told)
	}
	h.config.Auth.SignUpRulesDefaultAction = "allow"
	h.config.Auth.AllowSignUp = false
	if told := h.failWith(); told.Get("errorCode") != "SIGN_UP_NOT_ENABLED" {
		t.Errorf("disabled: %v", told)
	}
	if n := h.count(`SELECT count(*) FROM users`); n != 0 {
		t.Errorf("%d users", n)
	}
	h.config.Auth.AllowSignUp = true
	userID := h.signInWith().UserID
	h.config.Auth.AllowSignUp, h.config.Auth.SignUpRulesDefaultAction = false, "reject"
	if code := h.signInWith(); code.UserID != userID {
		t.Error("an existing user is kept out")
	}
}

func TestCompleteOAuth_scope_mustBeLegacy(t *testing.T) {
	h := newOAuthHarness(t)
	_, err := h.CompleteOAuth(t.Context(), h.visit(h.authorization(func(in *app.OAuthAuthorization) { in.Scope = "admin" })))
	wantError(t, err, apierr.Text(http.StatusBadRequest, ""))
	if len(h.tokens.made) != 0 {
		t.Error("a code was made")
	}
}

// R46. Tricks with the pages that codes and errors go to.
func TestCompleteOAuth_untrustedPages_getNothing(t *testing.T) {
	h := newOAuthHarness(t)
	h.config.Domains.AllowLocalhost = false
	h.config.Domains.TrustedDomains = map[string]projectconfig.TrustedDomain{"d": {BaseURL: "https://app.example.com"}, "w": {BaseURL: "https://*.preview.example.com"}}
	for _, page := range []string{
		"https://evil.example", "https://app.example.com.evil.example", "https://evil.example/app.example.com", "https://app.example.com@evil.example/",
		"https://app.example.com:8443/", "http://app.example.com/", "https://sub.app.example.com/", `https://evil.example\@app.example.com/`,
		"https://app.example.com%2eevil.example/", "https://app.example.com%00.evil.example/", "https:app.example.com", "https:/app.example.com", "//app.example.com",
		"https://preview.example.com", "https://a.b.preview.example.com", "https://evil.example#.preview.example.com", "https://evil.example?.preview.example.com",
		"javascript://app.example.com/%0aalert(1)", "data://app.example.com/", "https://app.example.com.", "https://\u0430pp.example.com/",
		"https://app.example.com\u3002evil.example/", "https://[::1]/", "http://localhost:3000/", "http://127.0.0.1/", "https://app.example.com:443@evil.example/",
		"other-mobile-oauth-url://success", "hexclave-mobile-oauth-urlx://success",
	} {
		arrival, err := h.CompleteOAuth(t.Context(), h.visit(h.authorization(func(in *app.OAuthAuthorization) { in.RedirectURI, in.ErrorRedirectURL = page, page })))
		if !apierr.HasCode(err, apierr.CodeRedirectURLNotWhitelisted) || arrival.Location != "" {
			t.Errorf("%q: %+v, %v", page, arrival, err)
		}
	}
	if len(h.tokens.made) != 0 || h.count(`SELECT count(*) FROM users`) != 0 {
		t.Error("somebody came in")
	}
	// The page for errors is told when it is trusted.
	arrival, err := h.CompleteOAuth(t.Context(), h.visit(h.authorization(func(in *app.OAuthAuthorization) {
		in.RedirectURI, in.ErrorRedirectURL = "https://evil.example", "https://app.example.com/oops?a=b"
	})))
	if err != nil || !strings.HasPrefix(arrival.Location, "https://app.example.com/oops?a=b&") || !strings.Contains(arrival.Location, "errorCode=REDIRECT_URL_NOT_WHITELISTED") {
		t.Errorf("%+v, %v", arrival, err)
	}
	for _, page := range []string{"https://app.example.com/cb", "https://x.preview.example.com/cb", "hexclave-mobile-oauth-url://success", "stack-auth-mobile-oauth-url://success"} {
		arrival, err := h.CompleteOAuth(t.Context(), h.visit(h.authorization(func(in *app.OAuthAuthorization) { in.RedirectURI = page })))
		if err != nil || !strings.HasPrefix(arrival.Location, page+"?code=") {
			t.Errorf("%q: %+v, %v", page, arrival, err)
		}
	}
}

func TestOAuth_anonymousUser_isUpgradedInPlace(t *testing.T) {
	h := newOAuthHarness(t)
	userID := h.signUpAnonymously()
	h.patch(userID, app.UserPatch{})
	h.events()
	code := h.signInWith(func(in *app.OAuthAuthorization) { in.AccessToken = h.token(userID, true) })
	if code.UserID != userID || !code.IsNewUser {
		t.Errorf("code %+v", code)
	}
	user := h.me(userID)
	if user.IsAnonymous || *user.DisplayName != "Ada Lovelace" || user.PrimaryEmail.Value != "ada@example.com" || len(user.OAuthAccounts) != 1 {
		t.Errorf("user %+v", user)
	}
	events := h.events()
	if facts(events) != "user.updated" || len(h.sessions.revoked) != 0 {
		t.Errorf("events %v, revoked %v", events, h.sessions.revoked)
	}
	if len(h.teams.renamed) != 1 || h.teams.renamed[0] != "Ada Lovelace|ada@example.com" {
		t.Errorf("renamed %v", h.teams.renamed)
	}
	// A known account signs in its user and leaves the anonymous one behind.
	other := h.signUpAnonymously()
	if code := h.signInWith(func(in *app.OAuthAuthorization) { in.AccessToken = h.token(other, true) }); code.UserID != userID {
		t.Errorf("code %+v", code)
	}
	if !h.me(other).IsAnonymous {
		t.Error("the anonymous user changed")
	}
	// A normal user who signs up with another account gets a second user.
	h.provider.LetIn(oidctest.Person{Subject: "second", Email: "second@example.com", EmailVerified: true})
	if code := h.signInWith(func(in *app.OAuthAuthorization) { in.AccessToken = h.token(userID, false) }); code.UserID == userID || !code.IsNewUser {
		t.Errorf("code %+v", code)
	}
}

func TestOAuth_mergeStrategies_followTheTable(t *testing.T) {
	taken := "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE"
	for name, tt := range map[string]struct {
		strategy                string
		ours, theirs            bool
		merged, duplicate, flag bool
	}{
		"link, both verified":            {strategy: "link_method", ours: true, theirs: true, merged: true},
		"link, ours unverified":          {strategy: "link_method", theirs: true, flag: true},
		"link, theirs unverified":        {strategy: "link_method", ours: true},
		"link, none verified":            {strategy: "link_method"},
		"raise, both verified":           {strategy: "raise_error", ours: true, theirs: true},
		"raise, ours unverified":         {strategy: "raise_error", theirs: true},
		"raise, theirs unverified":       {strategy: "raise_error", ours: true},
		"duplicates, both verified":      {strategy: "allow_duplicates", ours: true, theirs: true, duplicate: true},
		"duplicates, theirs unverified":  {strategy: "allow_duplicates", ours: true, duplicate: true},
		"duplicates, ours unverified":    {strategy: "allow_duplicates", theirs: true, duplicate: true},
		"an unknown strategy is refused": {strategy: "", ours: true, theirs: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newOAuthHarness(t)
			h.config.Auth.OAuth.AccountMergeStrategy = tt.strategy
			userID := h.signUp("ada@example.com")
			h.exec(`UPDATE contact_channels SET is_verified = $1`, tt.ours)
			person := ada
			person.EmailVerified = tt.theirs
			h.provider.LetIn(person)
			h.config.Auth.AllowSignUp = !tt.merged // merging needs no sign-up
			switch {
			case tt.merged:
				if code := h.signInWith(); code.UserID != userID || code.IsNewUser {
					t.Errorf("code %+v", code)
				}
				if user := h.me(userID); len(user.OAuthAccounts) != 1 || !user.HasPassword {
					t.Errorf("user %+v", user)
				}
				if code := h.signInWith(); code.UserID != userID {
					t.Errorf("again %+v", code)
				}
			case tt.duplicate:
				code := h.signInWith()
				if code.UserID == userID || !code.IsNewUser {
					t.Errorf("code %+v", code)
				}
				if email := h.me(code.UserID).PrimaryEmail; email.UsedForAuth || email.Value != "ada@example.com" {
					t.Errorf("e-mail %+v", email)
				}
			default:
				told := h.failWith()
				flag := `"would_work_if_email_was_verified":false`
				if tt.flag {
					flag = `"would_work_if_email_was_verified":true`
				}
				if told.Get("errorCode") != taken || !strings.Contains(told.Get("details"), flag) || !strings.Contains(told.Get("details"), `"ada@example.com"`) {
					t.Errorf("told %v", told)
				}
				if n := h.count(`SELECT count(*) FROM oauth_accounts`); n != 0 {
					t.Error("the account was linked")
				}
			}
		})
	}
}

func TestOAuth_link_addsTheAccount(t *testing.T) {
	h := newOAuthHarness(t)
	userID := h.signUp("grace@example.com")
	code := h.signInWith(linking(h.token(userID, false)))
	if code.UserID != userID || code.IsNewUser {
		t.Errorf("code %+v", code)
	}
	if code := h.signInWith(linking(h.token(userID, false))); code.UserID != userID {
		t.Errorf("again %+v", code)
	}
	if user := h.me(userID); len(user.OAuthAccounts) != 1 || user.PrimaryEmail.Value != "grace@example.com" {
		t.Errorf("user %+v", user)
	}
	if code := h.signInWith(); code.UserID != userID {
		t.Error("the linked account does not sign in")
	}
	// Another account of the provider is connected, and does not sign in.
	h.provider.LetIn(oidctest.Person{Subject: "second", Email: "second@example.com", EmailVerified: true})
	h.signInWith(linking(h.token(userID, false)))
	connections, err := h.ListOAuthProviders(h.as(principal.AccessServer, ""), userID)
	if err != nil || len(connections) != 2 || !connections[0].AllowSignIn || connections[1].AllowSignIn || !connections[1].AllowConnectedAccounts {
		t.Errorf("connections %+v, %v", connections, err)
	}

	h.provider.LetIn(ada)
	other := h.signUp("eve@example.com")
	if told := h.failWith(linking(h.token(other, false))); told.Get("errorCode") != "OAUTH_CONNECTION_ALREADY_CONNECTED_TO_ANOTHER_USER" {
		t.Errorf("told %v", told)
	}
	if told := h.failWith(linking(h.token(ids.NewUUID(), false))); told.Get("errorCode") != "USER_NOT_FOUND" {
		t.Errorf("user gone: %v", told)
	}
	anonymous := h.signUpAnonymously()
	h.provider.LetIn(oidctest.Person{Subject: "third"})
	if code := h.signInWith(linking(h.token(anonymous, true))); code.UserID != anonymous || !h.me(anonymous).IsAnonymous {
		t.Error("linking upgraded an anonymous user")
	}
}

// R14. Without the index oauth_accounts_sign_in_key four users sign in with one
// account.
func TestOAuth_linkInParallel_oneUserGetsTheAccount(t *testing.T) {
	h := newOAuthHarness(t)
	var returns []app.OAuthReturn
	for _, name := range []string{"a", "b", "c", "d"} {
		token := h.token(h.signUp(name+"@example.com"), false)
		for range 3 {
			returns = append(returns, h.visit(h.authorization(linking(token))))
		}
	}
	var calls []func()
	for _, in := range returns {
		calls = append(calls, func() {
			arrival, err := h.CompleteOAuth(t.Context(), in)
			if err != nil || arrival.IsError && !strings.Contains(arrival.Location, "OAUTH_CONNECTION_ALREADY_CONNECTED_TO_ANOTHER_USER") {
				t.Errorf("%+v, %v", arrival, err)
			}
		})
	}
	// One of each user wants to insert the account, the others wait for those.
	pgtest.Gather(t, h.url, "LOCK TABLE oauth_accounts IN SHARE ROW EXCLUSIVE MODE", len(calls), calls...)
	if n := h.count(`SELECT count(*) FROM oauth_accounts`); n != 1 || len(h.tokens.made) != 3 {
		t.Errorf("%d accounts, %d codes", n, len(h.tokens.made))
	}
}

// T6. Five ways to be in an account before its owner is (Sudhodanan and
// Paverd, "Pre-hijacked accounts", 2022).
func TestPreHijack_ownerComesLater_isAlone(t *testing.T) {
	t.Run("classic-federated merge", func(t *testing.T) {
		// The attacker signs up by password with the victim's address.
		h := newOAuthHarness(t)
		h.signUp("ada@example.com")
		if told := h.failWith(); told.Get("errorCode") != "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE" {
			t.Errorf("the victim joined the attacker's user: %v", told)
		}
	})
	t.Run("unexpired session", func(t *testing.T) {
		// The attacker's sessions do not survive the victim's reset.
		h := newOAuthHarness(t)
		userID := h.signUp("ada@example.com")
		if err := h.ResetPassword(h.client(), h.resetCode("ada@example.com"), "the victim's password"); err != nil {
			t.Fatal(err)
		}
		if len(h.sessions.revoked) != 1 || h.sessions.revoked[0].userID != userID || h.sessions.revoked[0].kept != "" {
			t.Errorf("revoked %+v", h.sessions.revoked)
		}
	})
	t.Run("trojan account", func(t *testing.T) {
		// The attacker's user has their own account linked. The victim's own
		// account never leads there.
		h := newOAuthHarness(t)
		userID := h.signUp("ada@example.com")
		h.provider.LetIn(oidctest.Person{Subject: "attacker", Email: "attacker@example.com", EmailVerified: true})
		h.signInWith(linking(h.token(userID, false)))
		h.provider.LetIn(ada)
		if told := h.failWith(); told.Get("errorCode") != "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE" {
			t.Errorf("told %v", told)
		}
	})
	t.Run("unexpired change of address", func(t *testing.T) {
		// A code for the victim's address verifies it for the user who asked,
		// and nobody else.
		h := newOAuthHarness(t)
		attacker := h.signUp("attacker@example.com")
		code := h.signInWith()
		h.patch(attacker, app.UserPatch{})
		if code.UserID == attacker {
			t.Error("the victim signs in as the attacker")
		}
	})
	t.Run("provider that does not verify", func(t *testing.T) {
		// The attacker writes the victim's address down at a provider that
		// believes it.
		h := newOAuthHarness(t)
		h.config.Auth.OTP.AllowSignIn = true
		victim := h.signUpByMail("ada@example.com")
		person := ada
		person.Subject, person.EmailVerified = "attacker", false
		h.provider.LetIn(person)
		if told := h.failWith(); told.Get("errorCode") != "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE" {
			t.Errorf("told %v", told)
		}
		if accounts := h.me(victim).OAuthAccounts; len(accounts) != 0 {
			t.Errorf("accounts %+v", accounts)
		}
		// And the other way round: the attacker came first.
		h = newOAuthHarness(t)
		h.config.Auth.OTP.AllowSignIn = true
		h.provider.LetIn(person)
		h.signInWith()
		_, err := h.SendOTPSignInCode(h.client(), app.OTPSignInCode{Email: "ada@example.com", CallbackURL: callback})
		wantError(t, err, apierr.UserEmailAlreadyExists("", true))
	})
}

func TestSecrets_ofProviders_areSealed(t *testing.T) {
	h := newOAuthHarness(t)
	h.visit(h.authorization())
	h.signInWith(func(in *app.OAuthAuthorization) { in.ProviderScope = "offline_access" })
	if n := h.count(`SELECT count(*) FROM oauth_tokens WHERE kind = 'refresh'`); n != 1 {
		t.Fatalf("%d refresh tokens", n)
	}
	if n := h.count(`SELECT count(*) FROM oauth_tokens WHERE get_byte(token, 0) <> 1`); n != 0 {
		t.Errorf("%d tokens are not sealed", n)
	}
	if n := h.count(`SELECT count(*) FROM oauth_authorizations WHERE position('localhost'::bytea in request) > 0`); n != 0 {
		t.Error("a request is not sealed")
	}
}

func TestForgetOAuthAuthorizations_abandonedSignIns_go(t *testing.T) {
	h := newOAuthHarness(t)
	h.visit(h.authorization())
	h.exec(`UPDATE oauth_authorizations SET created_at = now() - interval '25 hours'`)
	in := h.visit(h.authorization())
	if err := h.store.ForgetOAuthAuthorizations(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := h.count(`SELECT count(*) FROM oauth_authorizations`); n != 1 {
		t.Errorf("%d left", n)
	}
	if _, err := h.CompleteOAuth(t.Context(), in); err != nil {
		t.Error(err)
	}
}

func TestGetSignInSubject_secondFactor_isAskedFor(t *testing.T) {
	h := newOAuthHarness(t)
	userID := h.signInWith().UserID
	subject, err := h.GetSignInSubject(t.Context(), h.tenant, userID)
	if err != nil || subject.User.ID != userID {
		t.Errorf("%+v, %v", subject, err)
	}
	h.enrol(userID)
	_, err = h.GetSignInSubject(t.Context(), h.tenant, userID)
	attemptCode(t, err)
	_, err = h.GetSignInSubject(t.Context(), h.tenant, ids.NewUUID())
	wantError(t, err, apierr.UserNotFound())
}

// R38.
func TestOAuth_oneConnection_suffices(t *testing.T) {
	h := newOAuthHarness(t)
	h.useOAuth(1)
	userID := h.signInWith(func(in *app.OAuthAuthorization) { in.ProviderScope = "offline_access" }).UserID
	h.signInWith()
	h.signInWith(linking(h.token(userID, false)), with("github"))
	server := h.as(principal.AccessServer, "")
	connections, err := h.ListOAuthProviders(server, userID)
	if err != nil || len(connections) != 2 {
		t.Fatalf("%+v, %v", connections, err)
	}
	if _, err := h.CreateProviderAccessToken(server, app.ProviderTokenRequest{UserID: userID, ProviderID: "google"}); err != nil {
		t.Error(err)
	}
	h.provider.Revoke(false)
	if _, err := h.CreateProviderAccessToken(server, app.ProviderTokenRequest{UserID: userID, ProviderID: "google"}); err != nil {
		t.Error(err)
	}
	if err := h.DeleteOAuthProvider(server, userID, connections[0].ID); err != nil {
		t.Error(err)
	}
}

func appleClaims(h *oauthHarness, change ...func(map[string]any)) map[string]any {
	claims := map[string]any{
		"iss": h.provider.URL, "aud": "org.example.app", "sub": "apple-1", "email": "ada@example.com", "email_verified": "true",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
	for _, change := range change {
		change(claims)
	}
	return claims
}

func (h *oauthHarness) appleSignIn(change ...func(map[string]any)) (*app.SignedIn, error) {
	h.t.Helper()
	token, err := h.provider.IdentityToken(appleClaims(h, change...))
	if err != nil {
		h.t.Fatal(err)
	}
	return h.SignInWithApple(h.client(), secret.Secret(token))
}

func TestSignInWithApple_identityToken_signsUpAndIn(t *testing.T) {
	h := newOAuthHarness(t)
	first, err := h.appleSignIn()
	if err != nil || !first.IsNewUser {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := h.appleSignIn()
	if err != nil || again.IsNewUser || again.UserID != first.UserID {
		t.Fatalf("%+v, %v", again, err)
	}
	if user := h.me(first.UserID); !user.PrimaryEmail.IsVerified || user.OAuthAccounts[0].ProviderConfigID != "apple" {
		t.Errorf("user %+v", user)
	}
	anonymous := h.signUpAnonymously()
	token, _ := h.provider.IdentityToken(appleClaims(h, func(c map[string]any) { c["sub"], c["email"] = "apple-2", "b@example.com" }))
	if got, err := h.SignInWithApple(h.as(principal.AccessClient, anonymous, anonymousUser), secret.Secret(token)); err != nil || got.UserID == anonymous {
		t.Errorf("%+v, %v", got, err)
	}
}

func anonymousUser(p *principal.Principal) { anonymous(p) }

func TestSignInWithApple_badCredentials_areRefused(t *testing.T) {
	h := newOAuthHarness(t)
	invalid := apierr.InvalidAppleCredentials()
	for name, change := range map[string]func(map[string]any){
		"other app":    func(c map[string]any) { c["aud"] = "org.example.other" },
		"web client":   func(c map[string]any) { c["aud"] = oidctest.ClientID },
		"other issuer": func(c map[string]any) { c["iss"] = "https://evil.example" },
		"expired":      func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() },
		"nobody":       func(c map[string]any) { delete(c, "sub") },
	} {
		_, err := h.appleSignIn(change)
		if !errors.Is(err, invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", "a.b.c", "eyJhbGciOiJub25lIn0.e30."} {
		_, err := h.SignInWithApple(h.client(), secret.Secret(text))
		wantError(t, err, invalid)
	}
	apple := h.config.Auth.OAuth.Providers["apple"]
	apple.AppleBundles = nil
	h.config.Auth.OAuth.Providers["apple"] = apple
	_, err := h.appleSignIn()
	wantError(t, err, apierr.AppleBundleIDNotConfigured())
	apple.AllowSignIn = false
	h.config.Auth.OAuth.Providers["apple"] = apple
	_, err = h.appleSignIn()
	wantError(t, err, apierr.OAuthProviderNotFoundOrNotEnabled())
	if n := h.count(`SELECT count(*) FROM users`); n != 0 {
		t.Errorf("%d users", n)
	}
}
