package app_test

import (
	"errors"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/oidctest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
)

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
