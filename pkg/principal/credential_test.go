package principal_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
)

func credentialKeys(t *testing.T) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

func issue(t *testing.T, c clock.Clock, key ed25519.PrivateKey, scope string, life time.Duration) (string, principal.Credential) {
	t.Helper()
	issuer, err := principal.NewCredentialIssuer(c, key)
	if err != nil {
		t.Fatal(err)
	}
	scopes, err := principal.ParseScopes(scope)
	if err != nil {
		t.Fatal(err)
	}
	token, credential, err := issuer.Issue("billing", scopes, life)
	if err != nil {
		t.Fatal(err)
	}
	return token, credential
}

func TestCredential_issued_verifiesUntilItEnds(t *testing.T) {
	now := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	public, private := credentialKeys(t)
	token, want := issue(t, now, private, "payments:server:* identity:read:internal", time.Hour)
	verifier, err := principal.NewCredentialVerifier(now, []ed25519.PublicKey{public})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second from the cache
		got, err := verifier.Verify(token)
		if err != nil || got.ID != want.ID || got.Name != "billing" || len(got.Scopes) != 2 || got.Scopes[0] != want.Scopes[0] {
			t.Fatalf("Verify = %+v, %v; want %+v", got, err, want)
		}
	}
	now.Advance(time.Hour)
	for range 2 {
		if _, err := verifier.Verify(token); !errors.Is(err, principal.ErrInvalidToken) {
			t.Errorf("after its end: %v", err)
		}
	}
}

func TestCredential_notOurs_isRefused(t *testing.T) {
	now := clock.System()
	public, private := credentialKeys(t)
	_, stranger := credentialKeys(t)
	good, credential := issue(t, now, private, "*:admin:*", time.Hour)
	forged, _ := issue(t, now, stranger, "*:admin:*", time.Hour)
	sign := func(change func(header, claims map[string]any)) string {
		claims := jwt.MapClaims{
			"iss": "vestibule-service", "aud": "vestibule-service", "sub": "billing", "jti": ids.NewUUID(),
			"iat": now.Now().Unix(), "exp": now.Now().Add(time.Hour).Unix(), "scope": "*:admin:*",
		}
		token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
		parsed, _, err := jwt.NewParser().ParseUnverified(good, jwt.MapClaims{})
		if err != nil {
			t.Fatal(err)
		}
		token.Header["typ"], token.Header["kid"] = "service+jwt", parsed.Header["kid"]
		change(token.Header, claims)
		signed, err := token.SignedString(private)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	set := func(name string, value any) string {
		return sign(func(_, claims map[string]any) { claims[name] = value })
	}
	signer, err := principal.NewSigner(now, private)
	if err != nil {
		t.Fatal(err)
	}
	asPrincipal, err := signer.Sign(principal.Principal{ProjectID: "p", BranchID: "main", Access: principal.AccessAdmin})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := principal.NewCredentialVerifier(now, []ed25519.PublicKey{public}, credential.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier.Verify(sign(func(_, _ map[string]any) {})); err != nil {
		t.Fatalf("the unchanged token: %v", err)
	}
	for name, token := range map[string]string{
		"revoked":               good,
		"of another key":        forged,
		"a principal":           asPrincipal,
		"cut":                   good[:len(good)-2],
		"none":                  "eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + ".",
		"too long":              strings.Repeat("x", 5000),
		"of another issuer":     set("iss", "vestibule-principal"),
		"for another audience":  set("aud", "vestibule-internal"),
		"expired":               set("exp", now.Now().Unix()-1),
		"from the future":       set("iat", now.Now().Add(time.Hour).Unix()),
		"for ever":              set("exp", now.Now().Add(2*principal.MaxCredentialLife).Unix()),
		"without an end":        set("exp", 0),
		"without a name":        set("sub", ""),
		"with an odd name":      set("sub", "a\nb"),
		"without an id":         set("jti", ""),
		"with half a scope":     set("scope", "payments"),
		"with an unknown level": set("scope", "payments:root:*"),
		"of another type":       sign(func(header, _ map[string]any) { header["typ"] = "JWT" }),
		"with a foreign header": sign(func(header, _ map[string]any) { header["jku"] = "https://example.com" }),
		"with an unknown key":   sign(func(header, _ map[string]any) { header["kid"] = "0" }),
	} {
		if c, err := verifier.Verify(token); !errors.Is(err, principal.ErrInvalidToken) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	principals, err := principal.NewVerifier(now, public)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := principals.Verify(good); err == nil {
		t.Errorf("a credential passes for the principal %+v", p)
	}
}

func TestIssue_useless_isRefused(t *testing.T) {
	_, private := credentialKeys(t)
	issuer, err := principal.NewCredentialIssuer(clock.System(), private)
	if err != nil {
		t.Fatal(err)
	}
	scopes, err := principal.ParseScopes("*:read:*")
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]struct {
		name   string
		scopes []principal.Scope
		life   time.Duration
	}{
		"no name":    {"", scopes, time.Hour},
		"odd name":   {"A b", scopes, time.Hour},
		"no scopes":  {"billing", nil, time.Hour},
		"no life":    {"billing", scopes, 0},
		"for ever":   {"billing", scopes, 2 * principal.MaxCredentialLife},
		"long named": {strings.Repeat("a", 64), scopes, time.Hour},
	} {
		if _, _, err := issuer.Issue(try.name, try.scopes, try.life); err == nil {
			t.Errorf("%s: issued", name)
		}
	}
}

func TestCovers_scopeByCall(t *testing.T) {
	const project, other = "7f3b9a52-5b0e-4a6e-9a43-0a8f2f1d3c11", "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
	for _, tt := range []struct {
		scope, context string
		level          principal.Level
		project        string
		want           bool
	}{
		{"teams:read:*", "teams", principal.LevelRead, project, true},
		{"teams:read:*", "teams", principal.LevelServer, project, false},
		{"teams:server:*", "teams", principal.LevelRead, project, true},
		{"teams:server:*", "teams", principal.LevelAdmin, project, false},
		{"teams:admin:*", "teams", principal.LevelServer, project, true},
		{"teams:admin:*", "payments", principal.LevelRead, project, false},
		{"*:admin:" + project, "payments", principal.LevelAdmin, project, true},
		{"*:admin:" + project, "payments", principal.LevelRead, other, false},
		{"teams:read:" + other + " payments:server:" + project, "teams", principal.LevelRead, project, false},
		{"", "teams", principal.LevelRead, project, false},
	} {
		scopes, err := principal.ParseScopes(tt.scope)
		if err != nil {
			t.Fatal(err)
		}
		if got := (principal.Credential{Scopes: scopes}).Covers(tt.context, tt.level, tt.project); got != tt.want {
			t.Errorf("%q covers %s %s of %s: %v", tt.scope, tt.level, tt.context, tt.project, got)
		}
	}
}

func TestParseScopes_mistakes_areRefused(t *testing.T) {
	for _, text := range []string{"teams", "teams:read", "teams:read:", "team:read:*", "teams:write:*", "teams:read:acme", ":read:*", "teams::*"} {
		if scopes, err := principal.ParseScopes(text); err == nil {
			t.Errorf("%q is %v", text, scopes)
		}
	}
}
