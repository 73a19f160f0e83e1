package app_test

import (
	"errors"
	"net/http"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/oidctest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

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
	if want := appPage + "?code=" + h.tokens.texts[0] + "&keep=1&state=the+app%27s+state"; arrival.Location != want || arrival.IsError || arrival.Binding == nil {
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
	subject, err := h.GetSignInSubject(t.Context(), h.tenant, userID, "")
	if err != nil || subject.User.ID != userID {
		t.Errorf("%+v, %v", subject, err)
	}
	h.enrol(userID)
	_, err = h.GetSignInSubject(t.Context(), h.tenant, userID, "")
	attemptCode(t, err)
	_, err = h.GetSignInSubject(t.Context(), h.tenant, ids.NewUUID(), "")
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
