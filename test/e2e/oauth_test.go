package e2e

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"vestibule.dev/pkg/oidctest"
	"vestibule.dev/test/client"
)

const oauthPage = "http://localhost:3000/handler/oauth-callback"

// providerEnvironment makes identity take the test provider for Google and
// GitHub, as an operator would.
func providerEnvironment() []string {
	userURL, emailsURL := idp.GitHub()
	return []string{
		"IDENTITY_OAUTH_GOOGLE_ISSUER=" + idp.URL,
		"IDENTITY_OAUTH_GOOGLE_CLIENT_ID=" + oidctest.ClientID,
		"IDENTITY_OAUTH_GOOGLE_CLIENT_SECRET=" + oidctest.ClientSecret,
		"IDENTITY_OAUTH_GITHUB_AUTHORIZATION_URL=" + idp.URL + "/authorize",
		"IDENTITY_OAUTH_GITHUB_TOKEN_URL=" + idp.URL + "/oauth/token",
		"IDENTITY_OAUTH_GITHUB_USERINFO_URL=" + userURL,
		"IDENTITY_OAUTH_GITHUB_EMAILS_URL=" + emailsURL,
		"IDENTITY_OAUTH_APPLE_ISSUER=" + idp.URL,
	}
}

// useProvider lets the provider lead back to the system, and the project dev
// use it. The SDK's tests come as the people whose names begin with sdk.
func useProvider(ctx context.Context) error {
	for _, name := range []string{"google", "github", "apple", "acme:sso"} {
		idp.Register(system.BaseURL + "/api/v1/auth/oauth/callback/" + name)
	}
	for _, name := range []string{"sdk-ada", "sdk-grace"} {
		idp.Add(oidctest.Person{Subject: name, Email: client.FreshEmail(name), EmailVerified: true, Name: strings.ToUpper(name)})
	}
	providers := map[string]any{}
	for _, name := range []string{"google", "github", "apple"} {
		providers["auth.oauth.providers."+name] = map[string]any{
			"type": name, "allowSignIn": true, "allowConnectedAccounts": true, "isShared": false,
			"clientId": oidctest.ClientID, "clientSecret": oidctest.ClientSecret,
		}
	}
	providers["auth.oauth.providers.acme:sso"] = map[string]any{
		"type": "custom_oidc", "issuerUrl": idp.URL, "allowSignIn": true, "allowConnectedAccounts": true, "isShared": false,
		"clientId": oidctest.ClientID, "clientSecret": oidctest.ClientSecret,
	}
	providers["auth.oauth.providers.shared"] = map[string]any{"type": "google", "allowSignIn": true}
	text, err := json.Marshal(providers)
	if err != nil {
		return err
	}
	return client.For(system.BaseURL, dev, client.Admin).Expect(ctx, http.MethodPatch, "/internal/config/override/environment",
		map[string]any{"config_override_string": string(text)}, nil)
}

// newPerson is somebody with an account at the provider.
func newPerson(name string) oidctest.Person {
	person := oidctest.Person{Subject: name + "-" + rand.Text(), Email: client.FreshEmail(name), EmailVerified: true, Name: name}
	idp.Add(person)
	return person
}

// appBrowser keeps cookies and stops at the app's pages.
type appBrowser struct {
	*http.Client
}

func newBrowser(t *testing.T, person oidctest.Person) *appBrowser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(idp.URL)
	if err != nil {
		t.Fatal(err)
	}
	// All origins of the test are one host, and cookies know no ports.
	jar.SetCookies(at, []*http.Cookie{{Name: oidctest.PersonCookie, Value: person.Subject, Path: "/"}})
	return &appBrowser{Client: &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), oauthPage) {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

// get follows redirects until there are none, or the app's page is reached,
// whose address is returned.
func (b *appBrowser) get(t *testing.T, address string) (response *http.Response, page *url.URL, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err = b.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	page, _ = response.Location()
	return response, page, string(text)
}

// authorizeURL is where an app sends the browser.
func authorizeURL(provider, verifier string, more ...string) string {
	sum := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"client_id": {dev.ID}, "client_secret": {dev.PublishableClientKey}, "redirect_uri": {oauthPage}, "scope": {"legacy"},
		"state": {"the state"}, "grant_type": {"authorization_code"}, "response_type": {"code"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		"error_redirect_url": {oauthPage + "?error-page"},
	}
	for i := 0; i < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return proxyURL + "/api/v1/auth/oauth/authorize/" + provider + "?" + query.Encode()
}

// exchange sends a form to the token endpoint as SDKs do: without any header of
// the project.
func exchange(t *testing.T, form url.Values) client.Response {
	t.Helper()
	return call(t, client.New(proxyURL).WithHeader("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8"),
		http.MethodPost, "/auth/oauth/token", []byte(form.Encode()))
}

func codeForm(code, verifier string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {oauthPage}, "code_verifier": {verifier},
		"client_id": {dev.ID}, "client_secret": {dev.PublishableClientKey},
	}
}

// signInWithOAuth goes the whole way and returns what the app gets.
func signInWithOAuth(t *testing.T, b *appBrowser, provider string, more ...string) map[string]any {
	t.Helper()
	verifier := rand.Text() + rand.Text()
	response, page, body := b.get(t, authorizeURL(provider, verifier, more...))
	if page == nil || response.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s %s", response.Status, body)
	}
	if page.Query().Get("state") != "the state" || page.Query().Get("code") == "" {
		t.Fatalf("the app is told %s", page)
	}
	granted := exchange(t, codeForm(page.Query().Get("code"), verifier))
	if granted.Status != http.StatusOK {
		t.Fatalf("exchange: %s", granted)
	}
	return granted.Object()
}

func tokensOf(granted map[string]any) client.Tokens {
	access, _ := granted["access_token"].(string)
	refresh, _ := granted["refresh_token"].(string)
	return client.Tokens{AccessToken: access, RefreshToken: refresh}
}

func TestOAuth_wholeDance_signsUpAndIn(t *testing.T) {
	person := newPerson("ada")
	b := newBrowser(t, person)
	granted := signInWithOAuth(t, b, "google", "after_callback_redirect_url", "http://localhost:3000/welcome")
	for name, want := range map[string]any{
		"token_type": "Bearer", "scope": "legacy", "expires_in": 600.0, "is_new_user": true, "newUser": true,
		"after_callback_redirect_url": "http://localhost:3000/welcome", "afterCallbackRedirectUrl": "http://localhost:3000/welcome",
	} {
		if granted[name] != want {
			t.Errorf("%s is %v", name, granted[name])
		}
	}
	me := succeed(t, visitor(dev).SignedIn(tokensOf(granted)), http.MethodGet, "/users/me", nil)
	if me["primary_email"] != strings.ToLower(person.Email) || me["primary_email_verified"] != true || me["display_name"] != "ada" {
		t.Errorf("user %v", me)
	}
	again := signInWithOAuth(t, b, "google")
	if again["is_new_user"] != false || again["after_callback_redirect_url"] != nil {
		t.Errorf("again %v", again)
	}
	if same := succeed(t, visitor(dev).SignedIn(tokensOf(again)), http.MethodGet, "/users/me", nil); same["id"] != me["id"] {
		t.Error("another user")
	}
	refreshed := exchange(t, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {tokensOf(again).RefreshToken}, "client_id": {dev.ID}, "client_secret": {dev.PublishableClientKey},
	})
	if object := refreshed.Object(); refreshed.Status != http.StatusOK || object["refresh_token"] != nil || object["is_new_user"] != nil {
		t.Errorf("refreshed: %s", refreshed)
	}
	// GitHub, who says the same address is verified, leads to the same user.
	merged := signInWithOAuth(t, b, "github")
	if same := succeed(t, visitor(dev).SignedIn(tokensOf(merged)), http.MethodGet, "/users/me", nil); same["id"] != me["id"] {
		t.Error("the account was not merged")
	}
}

// A project's own OpenID provider is discovered, and is worth as much as those
// that have a name.
func TestOAuth_customProvider_signsUpLinksAndHandsOutTokens(t *testing.T) {
	person := newPerson("acme")
	granted := signInWithOAuth(t, newBrowser(t, person), "acme:sso")
	me := visitor(dev).SignedIn(tokensOf(granted))
	user := succeed(t, me, http.MethodGet, "/users/me", nil)
	if granted["is_new_user"] != true || user["primary_email"] != strings.ToLower(person.Email) || user["primary_email_verified"] != true {
		t.Errorf("user %v", user)
	}
	if again := signInWithOAuth(t, newBrowser(t, person), "acme:sso"); again["is_new_user"] != false {
		t.Errorf("again %v", again)
	}
	offered, _ := json.Marshal(succeed(t, visitor(dev), http.MethodGet, "/projects/current", nil)["config"])
	if !strings.Contains(string(offered), `{"id":"acme:sso"}`) {
		t.Errorf("clients are told of %s", offered)
	}

	_, tokens, other := signUp(t, dev)
	second := newPerson("acme-second")
	signInWithOAuth(t, newBrowser(t, second), "acme:sso", "type", "link", "token", tokens.AccessToken)
	connected := succeed(t, other, http.MethodGet, "/connected-accounts/me", nil)["items"].([]any)
	if len(connected) != 1 || connected[0].(map[string]any)["provider"] != "acme:sso" || connected[0].(map[string]any)["provider_account_id"] != second.Subject {
		t.Errorf("connected %v", connected)
	}
	token := call(t, other, http.MethodPost, "/connected-accounts/me/acme:sso/access-token", map[string]any{})
	if token.Status != http.StatusCreated {
		t.Errorf("%s", token)
	}
	// The published description knows twelve types. This is the thirteenth, for
	// projects that ask for it.
	direct := client.For(system.BaseURL, dev, client.Public).SignedIn(tokens)
	links := succeed(t, direct, http.MethodGet, "/oauth-providers?user_id=me", nil)["items"].([]any)
	if len(links) != 1 || links[0].(map[string]any)["type"] != "custom_oidc" || links[0].(map[string]any)["provider_config_id"] != "acme:sso" {
		t.Errorf("links %v", links)
	}
}

func TestOAuth_redirectMode_bindsTheBrowser(t *testing.T) {
	person := newPerson("mallory")
	b := newBrowser(t, person)
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, location, body := b.get(t, authorizeURL("google", "verifier"))
	if response.StatusCode != http.StatusTemporaryRedirect || body != "" || response.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Fatalf("%s %q", response.Status, body)
	}
	state := location.Query().Get("state")
	cookies := response.Cookies()
	if len(cookies) != 1 || cookies[0].Name != "stack-oauth-inner-"+state || cookies[0].Value != "true" || cookies[0].MaxAge != 600 ||
		!cookies[0].HttpOnly || cookies[0].Path != "/" || cookies[0].SameSite != http.SameSiteLaxMode {
		t.Errorf("cookies %v", cookies)
	}
	// A victim who is led to the attacker's return has no such cookie.
	victim := newBrowser(t, person)
	returned := system.BaseURL + "/api/v1/auth/oauth/callback/google?" + url.Values{"state": {state}, "code": {"the attacker's"}}.Encode()
	response, _, body = victim.get(t, returned)
	if response.StatusCode != http.StatusBadRequest || len(response.Cookies()) != 0 || response.Header.Get("X-Stack-Known-Error") != "" {
		t.Errorf("%s %s", response.Status, body)
	}
	// With it, whatever the answer is, the cookie goes.
	response, _, body = b.get(t, returned)
	if cookies := response.Cookies(); response.StatusCode != http.StatusBadRequest || len(cookies) != 1 || cookies[0].MaxAge >= 0 {
		t.Errorf("%s %s %v", response.Status, body, cookies)
	}
	response, _, _ = b.get(t, returned)
	if response.StatusCode != http.StatusBadRequest || len(response.Cookies()) != 0 {
		t.Errorf("the state works again: %s", response.Status)
	}
}

func TestOAuth_jsonMode_answersWithTheAddress(t *testing.T) {
	for _, mode := range [][]string{
		{"hexclave_response_mode", "json"}, {"stack_response_mode", "json"}, {"hexclave_response_mode", "json", "stack_response_mode", "redirect"},
	} {
		b := newBrowser(t, newPerson("grace"))
		response, _, body := b.get(t, authorizeURL("google", "verifier-verifier", append(mode, "unknown_parameter", "x")...))
		var answer struct{ Location string }
		if err := json.Unmarshal([]byte(body), &answer); err != nil || response.StatusCode != http.StatusOK || len(response.Cookies()) != 0 {
			t.Fatalf("%s %s", response.Status, body)
		}
		_, page, body := b.get(t, answer.Location)
		if page == nil {
			t.Fatal(body)
		}
		granted := exchange(t, codeForm(page.Query().Get("code"), "verifier-verifier"))
		if granted.Status != http.StatusOK {
			t.Errorf("%s", granted)
		}
	}
	response, location, _ := func() (*http.Response, *url.URL, string) {
		b := newBrowser(t, newPerson("grace"))
		b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		return b.get(t, authorizeURL("google", "v", "hexclave_response_mode", "redirect", "stack_response_mode", "json"))
	}()
	if response.StatusCode != http.StatusTemporaryRedirect || location == nil {
		t.Errorf("%s", response.Status)
	}
}

func TestOAuth_errors_reachTheApp(t *testing.T) {
	b := newBrowser(t, newPerson("eve"))
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), "http://localhost:3000/") {
			return http.ErrUseLastResponse
		}
		return nil
	}
	token := tokensOf(signInWithOAuth(t, b, "google")).AccessToken
	other, err := visitor(dev).SignUp(t.Context(), client.FreshEmail("other"), password)
	if err != nil {
		t.Fatal(err)
	}
	response, page, body := b.get(t, authorizeURL("google", "v", "type", "link", "token", other.AccessToken))
	if page == nil || response.StatusCode != http.StatusTemporaryRedirect {
		t.Fatalf("%s %s", response.Status, body)
	}
	told := page.Query()
	if told.Get("error") != "server_error" || told.Get("errorCode") != "OAUTH_CONNECTION_ALREADY_CONNECTED_TO_ANOTHER_USER" || told.Get("details") != "{}" {
		t.Errorf("told %v", told)
	}
	// redirect_uri is not trusted, the page for errors is.
	response, page, body = b.get(t, authorizeURL("google", "v", "redirect_uri", "https://evil.example/"))
	if page == nil || !strings.HasPrefix(page.String(), oauthPage) || page.Query().Get("errorCode") != "REDIRECT_URL_NOT_WHITELISTED" {
		t.Fatalf("%s %v %s", response.Status, page, body)
	}
	response, page, body = b.get(t, authorizeURL("google", "v", "redirect_uri", "https://evil.example/", "error_redirect_url", "https://evil.example/"))
	if page != nil || response.StatusCode != http.StatusBadRequest || response.Header.Get("X-Stack-Known-Error") != "REDIRECT_URL_NOT_WHITELISTED" {
		t.Fatalf("%s %v %s", response.Status, page, body)
	}
	for name, tt := range map[string]struct {
		more   []string
		status int
		code   string
	}{
		"unknown client":     {[]string{"client_id", "x"}, 400, "INVALID_OAUTH_CLIENT_ID_OR_SECRET"},
		"wrong key":          {[]string{"client_secret", "pck_x"}, 401, "INVALID_PUBLISHABLE_CLIENT_KEY"},
		"link without token": {[]string{"type", "link"}, 400, ""},
		"expired token":      {[]string{"token", "nonsense"}, 401, "UNPARSABLE_ACCESS_TOKEN"},
		"bad redirect":       {[]string{"redirect_uri", "no url"}, 400, "SCHEMA_ERROR"},
		"bad type":           {[]string{"type", "steal"}, 400, "SCHEMA_ERROR"},
		"bad response type":  {[]string{"response_type", "token"}, 400, "SCHEMA_ERROR"},
		"two challenges":     {[]string{"bot_challenge_unavailable", "true", "bot_challenge_token", "x"}, 400, "SCHEMA_ERROR"},
		"bad after":          {[]string{"after_callback_redirect_url", "https://evil.example"}, 400, "REDIRECT_URL_NOT_WHITELISTED"},
	} {
		response, _, body := b.get(t, authorizeURL("google", "v", tt.more...))
		if response.StatusCode != tt.status || response.Header.Get("X-Stack-Known-Error") != tt.code {
			t.Errorf("%s: %s %s", name, response.Status, body)
		}
	}
	response, _, body = b.get(t, authorizeURL("shared", "v", "provider_scope", "more"))
	if response.Header.Get("X-Stack-Known-Error") != "OAUTH_EXTRA_SCOPE_NOT_AVAILABLE_WITH_SHARED_OAUTH_KEYS" {
		t.Errorf("%s %s", response.Status, body)
	}
	// A token in the query is the user's: linking their own account again works.
	if granted := signInWithOAuth(t, b, "google", "type", "link", "token", token); granted["is_new_user"] != false {
		t.Errorf("granted %v", granted)
	}
}

// R11. A code that comes back ends the session it was exchanged for.
func TestOAuth_replayedCode_endsTheSession(t *testing.T) {
	verifier := rand.Text() + rand.Text()
	_, page, body := newBrowser(t, newPerson("replay")).get(t, authorizeURL("google", verifier))
	if page == nil {
		t.Fatal(body)
	}
	form := codeForm(page.Query().Get("code"), verifier)
	granted := exchange(t, form)
	if granted.Status != http.StatusOK {
		t.Fatalf("%s", granted)
	}
	if again := exchange(t, form); again.Status != http.StatusBadRequest || again.Code() != "INVALID_AUTHORIZATION_CODE" {
		t.Errorf("%s", again)
	}
	refresh := visitor(dev).With("Refresh-Token", tokensOf(granted.Object()).RefreshToken)
	refuse(t, refresh, http.MethodPost, "/auth/sessions/current/refresh", nil, "REFRESH_TOKEN_NOT_FOUND_OR_EXPIRED")
}

func TestOAuth_anonymousUser_keepsTheirID(t *testing.T) {
	anonymous, err := visitor(dev).SignUpAnonymously(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	granted := signInWithOAuth(t, newBrowser(t, newPerson("upgraded")), "google", "token", anonymous.AccessToken)
	me := succeed(t, visitor(dev).SignedIn(tokensOf(granted)), http.MethodGet, "/users/me", nil)
	if me["id"] != anonymous.UserID || me["is_anonymous"] != false || me["display_name"] != "upgraded" {
		t.Errorf("user %v", me)
	}
	if granted["is_new_user"] != true {
		t.Errorf("granted %v", granted)
	}
}

func TestOAuth_crossDomain_sharesTheSession(t *testing.T) {
	granted := tokensOf(signInWithOAuth(t, newBrowser(t, newPerson("cross")), "google"))
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	me := visitor(dev).SignedIn(granted).With("Refresh-Token", granted.RefreshToken)
	answer := succeed(t, me, http.MethodPost, "/auth/oauth/cross-domain/authorize", map[string]any{
		"redirect_uri": oauthPage, "state": "s", "code_challenge": base64.RawURLEncoding.EncodeToString(sum[:]),
	})
	page, err := url.Parse(fmt.Sprint(answer["redirect_url"]))
	if err != nil || page.Query().Get("state") != "s" {
		t.Fatalf("%v, %v", answer, err)
	}
	shared := exchange(t, codeForm(page.Query().Get("code"), verifier))
	if object := shared.Object(); object["refresh_token"] != granted.RefreshToken || object["is_new_user"] != false {
		t.Errorf("%s", shared)
	}
	refuse(t, visitor(dev), http.MethodPost, "/auth/oauth/cross-domain/authorize", map[string]any{
		"redirect_uri": oauthPage, "state": "s", "code_challenge": strings.Repeat("c", 43),
	}, "USER_AUTHENTICATION_REQUIRED")
}

func TestOAuth_apple_comesBackByPost(t *testing.T) {
	person := newPerson("apple")
	b := newBrowser(t, person)
	response, page, body := b.get(t, authorizeURL("apple", "verifier"))
	// Without a script the provider's page waits for a click: a form to post.
	if page != nil || response.StatusCode != http.StatusOK || !strings.Contains(body, "/api/v1/auth/oauth/callback/apple") {
		t.Fatalf("%s %s", response.Status, body)
	}
	form := url.Values{}
	for _, name := range []string{"state", "code"} {
		_, rest, _ := strings.Cut(body, `name="`+name+`" value="`)
		value, _, ok := strings.Cut(rest, `"`)
		if !ok {
			t.Fatalf("no %s in %s", name, body)
		}
		form.Set(name, value)
	}
	form.Set("user", `{"name":{"firstName":"Steve","lastName":"Example"}}`)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, system.BaseURL+"/api/v1/auth/oauth/callback/apple", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	posted, err := b.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer posted.Body.Close()
	at, err := posted.Location()
	if err != nil || posted.StatusCode != http.StatusSeeOther || at.Query().Get("code") == "" {
		t.Fatalf("%s %v", posted.Status, at)
	}
	if granted := exchange(t, codeForm(at.Query().Get("code"), "verifier")); granted.Status != http.StatusOK {
		t.Errorf("%s", granted)
	}
}

func TestOAuth_backend_managesLinkedAccounts(t *testing.T) {
	server := client.For(proxyURL, dev, client.Server)
	user, err := visitor(dev).SignUp(t.Context(), client.FreshEmail("linked"), password)
	if err != nil {
		t.Fatal(err)
	}
	accountID := rand.Text()
	created := call(t, server, http.MethodPost, "/oauth-providers", map[string]any{
		"user_id": user.UserID, "provider_config_id": "google", "account_id": accountID, "allow_sign_in": true, "allow_connected_accounts": true,
	})
	link := created.Object()
	if created.Status != http.StatusCreated || link["account_id"] != accountID || link["type"] != "google" {
		t.Fatalf("%s", created)
	}
	if _, has := link["email"]; has {
		t.Error("an unknown address is there")
	}
	path := fmt.Sprintf("/oauth-providers/%s/%s", user.UserID, link["id"])
	changed := succeed(t, server, http.MethodPatch, path, map[string]any{"email": "linked@example.com", "allow_connected_accounts": false})
	if changed["email"] != "linked@example.com" || changed["allow_connected_accounts"] != false || changed["allow_sign_in"] != true {
		t.Errorf("changed %v", changed)
	}
	me := visitor(dev).SignedIn(user)
	seen := succeed(t, me, http.MethodGet, path, nil)
	if _, has := seen["account_id"]; has || seen["id"] != link["id"] {
		t.Errorf("seen %v", seen)
	}
	refuse(t, me, http.MethodPatch, path, map[string]any{"account_id": "stolen"}, "SCHEMA_ERROR")
	refuse(t, server, http.MethodPost, "/oauth-providers", map[string]any{"user_id": user.UserID}, "SCHEMA_ERROR")
	refuse(t, me, http.MethodGet, "/oauth-providers/me/google", nil, "SCHEMA_ERROR")
	if list := succeed(t, me, http.MethodGet, "/connected-accounts/me", nil); len(list["items"].([]any)) != 0 {
		t.Errorf("connected %v", list)
	}
	if gone := succeed(t, me, http.MethodDelete, path, nil); gone["success"] != true {
		t.Errorf("gone %v", gone)
	}
	if again := call(t, me, http.MethodDelete, path, nil); again.Status != http.StatusNotFound || again.Code() != "" {
		t.Errorf("%s", again)
	}
}
