package app_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/oidctest"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/identity/internal/app"
)

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
