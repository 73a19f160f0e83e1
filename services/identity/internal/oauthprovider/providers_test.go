package oauthprovider

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/environ"
	"vestibule.dev/pkg/httpx"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

func TestKinds_everyType_isComplete(t *testing.T) {
	if len(kinds) != len(domain.OAuthProviderTypes) {
		t.Errorf("%d kinds for %d types", len(kinds), len(domain.OAuthProviderTypes))
	}
	for _, name := range domain.OAuthProviderTypes {
		k := kinds[name]
		if len(k.scopes) == 0 || k.endpoint.AuthURL == "" || k.endpoint.TokenURL == "" || k.read == nil || k.userInfoURL == "" && k.issuer == "" {
			t.Errorf("%s: %+v", name, k)
		}
		for _, address := range []string{k.endpoint.AuthURL, k.endpoint.TokenURL, k.userInfoURL, k.emailsURL, k.jwksURL} {
			if address != "" && !strings.HasPrefix(address, "https://") {
				t.Errorf("%s: %s", name, address)
			}
		}
	}
}

func TestAuthorizationURL_types_askAsTheyWantIt(t *testing.T) {
	p := New(Config{}, clock.System())
	for name, want := range map[string]map[string]string{
		"google":    {"include_granted_scopes": "true", "nonce": "n", "code_challenge_method": "S256", "access_type": "offline", "prompt": "consent"},
		"microsoft": {"code_challenge_method": "S256", "scope": "User.Read openid"},
		"linkedin":  {"code_challenge": "", "code_challenge_method": ""},
		"apple":     {"response_mode": "form_post", "nonce": "n"},
		"facebook":  {"config_id": "fb"},
		"x":         {"scope": "users.read offline.access tweet.read"},
	} {
		location, err := p.AuthorizationURL(t.Context(), app.ProviderClient{
			Type: name, ClientID: "id", ClientSecret: "s", FacebookConfigID: "fb", MicrosoftTenantID: "a/../b", RedirectURL: "https://api.example.com/cb",
		}, app.ProviderRequest{State: "s", Nonce: "n", Verifier: "verifier", Scopes: p.BaseScopes(name)})
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(location)
		if err != nil || u.Query().Get("client_id") != "id" || u.Query().Get("state") != "s" || u.Query().Get("redirect_uri") != "https://api.example.com/cb" {
			t.Errorf("%s: %s, %v", name, location, err)
		}
		for parameter, value := range want {
			if got := u.Query().Get(parameter); got != value {
				t.Errorf("%s: %s=%q, want %q", name, parameter, got, value)
			}
		}
		if name == "microsoft" && (u.Host != "login.microsoftonline.com" || u.EscapedPath() != "/a%2F..%2Fb/oauth2/v2.0/authorize") {
			t.Errorf("the tenant changed the path: %s", location)
		}
	}
	location, err := p.AuthorizationURL(t.Context(), app.ProviderClient{Type: "microsoft"}, app.ProviderRequest{Verifier: "v"})
	if err != nil || !strings.HasPrefix(location, "https://login.microsoftonline.com/consumers/") {
		t.Errorf("%s, %v", location, err)
	}
}

func TestReaders_answersOfProviders_areUnderstood(t *testing.T) {
	for name, tt := range map[string]struct {
		userInfo, emails string
		want             domain.ExternalAccount
	}{
		"google": {`{"sub":"1","email":"a@b.c","email_verified":true,"name":"Ada","picture":"https://x/p"}`, "",
			domain.ExternalAccount{ID: "1", Email: "a@b.c", EmailVerified: true, DisplayName: "Ada", ProfileImageURL: "https://x/p"}},
		"github": {`{"id":17,"login":"ada","name":null,"avatar_url":"https://x/p","email":"public@b.c"}`,
			`[{"email":"old@b.c","primary":false,"verified":true},{"email":"a@b.c","primary":true,"verified":false}]`,
			domain.ExternalAccount{ID: "17", Email: "a@b.c", DisplayName: "ada", ProfileImageURL: "https://x/p"}},
		"microsoft": {`{"id":"1","displayName":"Ada","mail":null,"userPrincipalName":"a@b.c"}`, "",
			domain.ExternalAccount{ID: "1", Email: "a@b.c", DisplayName: "Ada"}},
		"spotify": {`{"id":"1","display_name":"Ada","email":"a@b.c","images":[{"url":"https://x/p"}]}`, "",
			domain.ExternalAccount{ID: "1", Email: "a@b.c", DisplayName: "Ada", ProfileImageURL: "https://x/p"}},
		"facebook": {`{"id":"1","name":"Ada","email":"a@b.c","picture":{"data":{"url":"https://x/p"}}}`, "",
			domain.ExternalAccount{ID: "1", Email: "a@b.c", DisplayName: "Ada", ProfileImageURL: "https://x/p"}},
		"discord": {`{"id":"1","username":"ada","global_name":null,"avatar":"h","email":"a@b.c","verified":true}`, "",
			domain.ExternalAccount{ID: "1", Email: "a@b.c", EmailVerified: true, DisplayName: "ada", ProfileImageURL: "https://cdn.discordapp.com/avatars/1/h.png"}},
		"gitlab": {`{"id":17,"name":"Ada","username":"ada","avatar_url":null,"email":"a@b.c","confirmed_at":"2026-01-01T00:00:00Z"}`, "",
			domain.ExternalAccount{ID: "17", Email: "a@b.c", EmailVerified: true, DisplayName: "Ada"}},
		"bitbucket": {`{"account_id":"1","display_name":"Ada","links":{"avatar":{"href":"https://x/p"}}}`,
			`{"values":[{"email":"a@b.c","is_primary":true,"is_confirmed":true}]}`,
			domain.ExternalAccount{ID: "1", Email: "a@b.c", EmailVerified: true, DisplayName: "Ada", ProfileImageURL: "https://x/p"}},
		"linkedin": {`{"sub":"1","email":"a@b.c","email_verified":"true","name":"Ada"}`, "",
			domain.ExternalAccount{ID: "1", Email: "a@b.c", EmailVerified: true, DisplayName: "Ada"}},
		"x":      {`{"data":{"id":"1","name":"Ada","profile_image_url":"https://x/p"}}`, "", domain.ExternalAccount{ID: "1", DisplayName: "Ada", ProfileImageURL: "https://x/p"}},
		"twitch": {`{"data":[{"id":"1","display_name":"Ada","email":"a@b.c"}]}`, "", domain.ExternalAccount{ID: "1", Email: "a@b.c", DisplayName: "Ada"}},
	} {
		var emails []byte
		if tt.emails != "" {
			emails = []byte(tt.emails)
		}
		got, err := kinds[name].read([]byte(tt.userInfo), emails)
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		for _, odd := range []string{``, `null`, `[]`, `{}`, `{"id":{}}`, `{"data":[]}`, `"x"`, `{"sub":1e400}`} {
			if got, err := kinds[name].read([]byte(odd), []byte(odd)); err == nil && got.ID != "" && odd != `{"sub":1e400}` {
				t.Errorf("%s reads %s as %+v", name, odd, got)
			}
		}
	}
	if got := appleName(`{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"evil@example.com"}`); got != "Ada Lovelace" {
		t.Errorf("name %q", got)
	}
	if got := appleName(`nonsense`); got != "" {
		t.Errorf("name %q", got)
	}
}

// standIn answers for a provider: tokens for every code, and an account.
func standIn(t *testing.T, token, userInfo string) (*Providers, func(name string) app.ProviderClient) {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(text))
		}
	}
	mux.HandleFunc("/token", answer(token))
	mux.HandleFunc("/user", answer(userInfo))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c := TypeConfig{AuthorizationURL: server.URL + "/authorize", TokenURL: server.URL + "/token", UserInfoURL: server.URL + "/user"}
	return New(Config{GitHub: c, Twitch: c, Microsoft: c, X: c, Google: c}, clock.System()), func(name string) app.ProviderClient {
		return app.ProviderClient{Type: name, ClientID: "id", ClientSecret: "secret", RedirectURL: "https://api.example.com/cb"}
	}
}

func TestAuthenticate_addresses_areWorthWhatTheTypeIsTrustedFor(t *testing.T) {
	for name, tt := range map[string]struct {
		userInfo string
		verified bool
	}{
		"twitch":    {`{"data":[{"id":"1","email":"a@b.c"}]}`, true},
		"microsoft": {`{"id":"1","mail":"a@b.c"}`, false},
		// What stands in may speak the standard; the trust stays the type's.
		"google": {`{"sub":"1","email":"a@b.c","email_verified":true}`, true},
		"github": {`{"sub":"1","email":"a@b.c","email_verified":true}`, true},
		"x":      {`{"sub":"1","email":"a@b.c","email_verified":true}`, false},
	} {
		p, client := standIn(t, `{"access_token":"at","token_type":"bearer"}`, tt.userInfo)
		got, err := p.Authenticate(t.Context(), client(name), app.ProviderAnswer{Code: "c", Verifier: "v"})
		if err != nil || got.Account.ID != "1" || got.Account.Email != "a@b.c" || got.Account.EmailVerified != tt.verified {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestAuthenticate_tokenAnswers_areUnderstood(t *testing.T) {
	for name, tt := range map[string]struct {
		token, userInfo string
		want            *apierr.Error
	}{
		"error with status 200": {`{"error":"bad_verification_code"}`, `{}`, apierr.Text(http.StatusBadRequest, "")},
		"denied":                {`{"error":"access_denied"}`, `{}`, apierr.OAuthProviderAccessDenied()},
		"busy":                  {`{"error":"temporarily_unavailable"}`, `{}`, apierr.OAuthProviderTemporarilyUnavailable()},
		"bad client":            {`{"error":"invalid_client"}`, `{}`, apierr.Text(http.StatusBadRequest, "")},
		"no token":              {`{}`, `{}`, apierr.Text(http.StatusBadRequest, "")},
		"no JSON":               {`<html>`, `{}`, apierr.Text(http.StatusBadRequest, "")},
		"nobody":                {`{"access_token":"at"}`, `{"login":"x"}`, apierr.Text(http.StatusBadRequest, "")},
		"user info no JSON":     {`{"access_token":"at"}`, `<html>`, apierr.Text(http.StatusBadRequest, "")},
	} {
		p, client := standIn(t, tt.token, tt.userInfo)
		_, err := p.Authenticate(t.Context(), client("github"), app.ProviderAnswer{Code: "c", Verifier: "v"})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, client := standIn(t, `{"access_token":"at","refresh_token":"rt","expires_in":3600}`, `{"id":1}`)
	got, err := p.Authenticate(t.Context(), client("github"), app.ProviderAnswer{Code: "c", Verifier: "v"})
	if err != nil || got.Grant.AccessToken != "at" || got.Grant.RefreshToken != "rt" || got.Grant.Lifetime.Seconds() != 3600 {
		t.Errorf("%+v, %v", got, err)
	}
	p, client = standIn(t, `{"access_token":"at"}`, `{"id":1}`)
	got, err = p.Authenticate(t.Context(), client("github"), app.ProviderAnswer{Code: "c", Verifier: "v"})
	if err != nil || got.Grant.RefreshToken != "" || got.Grant.Lifetime.Hours() != 8 {
		t.Errorf("%+v, %v", got, err)
	}
}

// R47. Only endpoints that the operator named may be anywhere.
func TestClients_privateAddresses_areReachedForOverridesAlone(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	p := New(Config{}, clock.System())
	for _, tt := range []struct {
		client *http.Client
		ok     bool
	}{{p.outside, false}, {p.anywhere, true}} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := tt.client.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		if (err == nil) != tt.ok || !tt.ok && !errors.Is(err, httpx.ErrForbiddenAddress) {
			t.Errorf("%v", err)
		}
	}
	s, err := p.open(t.Context(), app.ProviderClient{Type: "github"})
	if err != nil || s.http != p.outside {
		t.Error("a type without override reaches anywhere")
	}
}

// Issuers that projects name are asked on the public Internet and by https, and
// so is all that they tell about themselves.
func TestOpen_customIssuers_arePublicAndUseTLS(t *testing.T) {
	var document string
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.ReplaceAll(document, "ISSUER", server.URL)))
	}))
	t.Cleanup(server.Close)
	const complete = `{"issuer":"ISSUER","authorization_endpoint":"ISSUER/a","token_endpoint":"ISSUER/t","jwks_uri":"ISSUER/k"}`
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	locate := func(p *Providers) error {
		_, err := p.AuthorizationURL(t.Context(), app.ProviderClient{Type: domain.CustomOIDC, ClientID: "id", Issuer: server.URL}, app.ProviderRequest{Verifier: "v"})
		return err
	}
	for name, tt := range map[string]struct {
		document string
		config   Config
		want     *apierr.Error
	}{
		"complete":              {complete, Config{AllowNetworks: loopback}, nil},
		"private and plain":     {complete, Config{}, apierr.Text(http.StatusBadRequest, "")},
		"not an allowed one":    {complete, Config{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, apierr.OAuthProviderTemporarilyUnavailable()},
		"another issuer":        {strings.Replace(complete, `"ISSUER"`, `"https://other.example"`, 1), Config{AllowNetworks: loopback}, apierr.OAuthProviderTemporarilyUnavailable()},
		"script to authorize":   {strings.Replace(complete, "ISSUER/a", "javascript:alert(1)", 1), Config{AllowNetworks: loopback}, apierr.Text(http.StatusBadRequest, "")},
		"no token endpoint":     {strings.Replace(complete, "ISSUER/t", "", 1), Config{AllowNetworks: loopback}, apierr.Text(http.StatusBadRequest, "")},
		"keys from a file":      {strings.Replace(complete, "ISSUER/k", "file:///etc/passwd", 1), Config{AllowNetworks: loopback}, apierr.Text(http.StatusBadRequest, "")},
		"no keys":               {strings.Replace(complete, "ISSUER/k", "", 1), Config{AllowNetworks: loopback}, apierr.Text(http.StatusBadRequest, "")},
		"user info by nonsense": {strings.Replace(complete, "{", `{"userinfo_endpoint":"x",`, 1), Config{AllowNetworks: loopback}, apierr.Text(http.StatusBadRequest, "")},
		"nonsense":              {"<html>", Config{AllowNetworks: loopback}, apierr.OAuthProviderTemporarilyUnavailable()},
	} {
		document = tt.document
		if err := locate(New(tt.config, clock.System())); tt.want == nil && err != nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What one project made us ask is not asked again for an hour, and is not what
// the operator's settings lead to.
func TestDiscover_issuers_areRemembered(t *testing.T) {
	requests := 0
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		_, _ = w.Write([]byte(`{"issuer":"` + server.URL + `","token_endpoint_auth_methods_supported":["client_secret_post"]}`))
	}))
	t.Cleanup(server.Close)
	now := clock.NewFake(time.Unix(1, 0))
	d := newDirectory(now)
	for range 3 {
		found, err := d.discover(t.Context(), server.URL)
		if err != nil || found.endpoint.AuthStyle != oauth2.AuthStyleInParams {
			t.Fatalf("%+v, %v", found, err)
		}
	}
	if requests != 1 {
		t.Errorf("%d requests", requests)
	}
	now.Advance(knownFor)
	if _, err := d.discover(t.Context(), server.URL); err != nil || requests != 2 {
		t.Errorf("%d requests, %v", requests, err)
	}
	// An issuer that is away for a while keeps its users.
	now.Advance(knownFor)
	server.Close()
	if _, err := d.discover(t.Context(), server.URL); err != nil {
		t.Error(err)
	}
	for i := range maxKnown + 10 {
		d.keySet(t.Context(), strconv.Itoa(i))
	}
	if len(d.keySets) != maxKnown {
		t.Errorf("%d key sets", len(d.keySets))
	}
}

func TestOpen_issuerDown_isUnavailable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	p := New(Config{Google: TypeConfig{Issuer: server.URL}}, clock.System())
	_, err := p.AuthorizationURL(t.Context(), app.ProviderClient{Type: "google"}, app.ProviderRequest{})
	if !apierr.HasCode(err, apierr.CodeOAuthProviderTemporarilyUnavailable) {
		t.Error(err)
	}
	if scopes := p.BaseScopes("google"); !slices.Contains(scopes, "profile") || !slices.Contains(scopes, "email") {
		t.Errorf("scopes %v", scopes)
	}
}

func TestConfig_variables_areRead(t *testing.T) {
	var c Config
	if err := environ.Load([]string{
		"IDENTITY_OAUTH_GITHUB_CLIENT_ID=id", "IDENTITY_OAUTH_GITHUB_CLIENT_SECRET=s", "IDENTITY_OAUTH_X_ISSUER=http://127.0.0.1:1",
		"IDENTITY_OAUTH_GOOGLE_JWKS_URL=https://k.example/jwks",
	}, "identity", &c); err != nil {
		t.Fatal(err)
	}
	p := New(c, clock.System())
	if id, key, ok := p.SharedClient("github"); !ok || id != "id" || key != "s" {
		t.Errorf("%s %v", id, ok)
	}
	if _, _, ok := p.SharedClient("google"); ok || c.X.Issuer != "http://127.0.0.1:1" || c.Google.JWKSURL == "" || c.Validate() != nil {
		t.Errorf("%+v, %v", c, c.Validate())
	}
	c.X.Issuer, c.GitHub.ClientSecret = "ftp://x", ""
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "ISSUER") || !strings.Contains(err.Error(), "CLIENT_SECRET") {
		t.Error(err)
	}
}
