package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"vestibule.dev/client"
	"vestibule.dev/pkg/apierr"
)

const (
	project = "7f3b9a52-5b0e-4a6e-9a43-0a8f2f1d3c11"
	other   = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
	user    = "0b4b0d6c-5a53-4b5b-9d5c-0f3f2b0d8a11"
)

// signingKey is a key with its id.
type signingKey struct {
	*ecdsa.PrivateKey
	id string
}

func newKey(t *testing.T, id string) signingKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signingKey{key, id}
}

func (k signingKey) jwk(t *testing.T) map[string]string {
	t.Helper()
	point, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	return map[string]string{"kty": "EC", "alg": "ES256", "crv": "P-256", "kid": k.id, "x": text(point[1:33]), "y": text(point[33:])}
}

// api publishes the keys of one project, by population of users.
type api struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	keys    map[string][]signingKey
	fetches int
	down    bool
}

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{t: t, keys: map[string][]signingKey{
		"": {newKey(t, "full")}, "restricted": {newKey(t, "restricted")}, "anon": {newKey(t, "anon")},
	}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fetches++
	switch {
	case a.down:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case r.URL.Path != "/api/v1/projects/"+project+"/.well-known/jwks.json":
		http.NotFound(w, r)
		return
	}
	found := a.keys[""]
	anonymous := r.URL.Query().Get("include_anonymous") == "true"
	if anonymous || r.URL.Query().Get("include_restricted") == "true" {
		found = append(found[:len(found):len(found)], a.keys["restricted"]...)
	}
	if anonymous {
		found = append(found[:len(found):len(found)], a.keys["anon"]...)
	}
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	for _, key := range found {
		set.Keys = append(set.Keys, key.jwk(a.t))
	}
	_ = json.NewEncoder(w).Encode(set)
}

func (a *api) verifier(change func(*client.VerifierConfig)) *client.Verifier {
	a.t.Helper()
	cfg := client.VerifierConfig{BaseURL: a.URL, ProjectID: project}
	if change != nil {
		change(&cfg)
	}
	v, err := client.NewVerifier(cfg)
	if err != nil {
		a.t.Fatal(err)
	}
	return v
}

// claims are those of a full user.
func (a *api) claims() jwt.MapClaims {
	now := time.Now().Unix()
	return jwt.MapClaims{
		"iss": a.URL + "/api/v1/projects/" + project, "aud": project, "sub": user, "iat": now, "exp": now + 600,
		"project_id": project, "branch_id": "main", "refresh_token_id": "session", "role": "authenticated",
		"name": "Ada", "email": "ada@example.com", "email_verified": true, "selected_team_id": nil, "signed_up_at": now - 60,
		"is_anonymous": false, "is_restricted": false, "restricted_reason": nil, "requires_totp_mfa": false,
	}
}

// of are the claims of another population.
func (a *api) of(kind, reason string) jwt.MapClaims {
	c := a.claims()
	c["aud"] = project + ":" + kind
	c["is_restricted"], c["is_anonymous"] = true, kind == "anon"
	c["restricted_reason"] = map[string]any{"type": reason}
	return c
}

func (a *api) sign(key signingKey, claims jwt.MapClaims) string {
	a.t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	delete(token.Header, "typ")
	token.Header["kid"] = key.id
	signed, err := token.SignedString(key.PrivateKey)
	if err != nil {
		a.t.Fatal(err)
	}
	return signed
}

func TestVerify_populations_byWhatIsAllowed(t *testing.T) {
	a := newAPI(t)
	full := a.sign(a.keys[""][0], a.claims())
	restricted := a.sign(a.keys["restricted"][0], a.of("restricted", "email_not_verified"))
	anonymous := a.sign(a.keys["anon"][0], a.of("anon", "anonymous"))
	for name, tt := range map[string]struct {
		change                          func(*client.VerifierConfig)
		full, restricted, anonymousCode string
	}{
		"by default": {nil, "", apierr.CodeRestrictedUserNotAllowed, apierr.CodeAnonymousAuthenticationNotAllowed},
		"restricted": {func(c *client.VerifierConfig) { c.AllowRestricted = true }, "", "", apierr.CodeAnonymousAuthenticationNotAllowed},
		"anonymous":  {func(c *client.VerifierConfig) { c.AllowAnonymous = true }, "", "", ""},
	} {
		v := a.verifier(tt.change)
		for token, want := range map[string]string{full: tt.full, restricted: tt.restricted, anonymous: tt.anonymousCode} {
			claims, err := v.Verify(t.Context(), token)
			switch {
			case want == "" && (err != nil || claims.UserID != user || claims.SessionID != "session"):
				t.Errorf("%s: %+v, %v", name, claims, err)
			case want != "" && !client.HasCode(err, want):
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
	}
	claims, err := a.verifier(nil).Verify(t.Context(), full)
	if err != nil || claims.Name != "Ada" || claims.Email != "ada@example.com" || !claims.EmailVerified || claims.SignedUpAt.IsZero() {
		t.Errorf("%+v, %v", claims, err)
	}
}

func TestVerify_notATokenOfTheProject_isRefused(t *testing.T) {
	a := newAPI(t)
	key := a.keys[""][0]
	set := func(name string, value any) string {
		c := maps.Clone(a.claims())
		c[name] = value
		return a.sign(key, c)
	}
	good := a.sign(key, a.claims())
	parts := strings.Split(good, ".")
	foreign := a.claims()
	foreign["aud"], foreign["project_id"], foreign["iss"] = other, other, a.URL+"/api/v1/projects/"+other
	v := a.verifier(func(c *client.VerifierConfig) { c.AllowAnonymous = true })
	for name, token := range map[string]string{
		"empty":                          "",
		"unsigned":                       "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"changed":                        parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{}`)) + "." + parts[2],
		"with a line break":              good[:len(good)-9] + "\n" + good[len(good)-9:],
		"of another key":                 a.sign(newKey(t, key.id), a.claims()),
		"of an unknown key":              a.sign(newKey(t, "unknown"), a.claims()),
		"of another project":             a.sign(key, foreign),
		"of another issuer":              set("iss", "https://example.com/api/v1/projects/"+project),
		"a full one by a restricted key": a.sign(a.keys["restricted"][0], a.claims()),
		"a restricted one by a full key": a.sign(key, a.of("restricted", "email_not_verified")),
		"one by an anonymous key":        a.sign(a.keys["anon"][0], a.of("restricted", "email_not_verified")),
		"at odds with its audience":      set("is_restricted", true),
		"of another branch":              set("branch_id", "other"),
		"for later":                      set("nbf", time.Now().Add(time.Hour).Unix()),
		"without a user":                 set("sub", ""),
	} {
		if claims, err := v.Verify(t.Context(), token); !client.HasCode(err, apierr.CodeUnparsableAccessToken) {
			t.Errorf("%s: %+v, %v", name, claims, err)
		}
	}
	if _, err := v.Verify(t.Context(), set("exp", time.Now().Unix()-1)); !client.HasCode(err, apierr.CodeAccessTokenExpired) {
		t.Errorf("expired: %v", err)
	}
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestVerify_unknownKeys_costOneFetch(t *testing.T) {
	a := newAPI(t)
	v := a.verifier(nil)
	// They are made before, because it is asked again after five seconds.
	tokens := make([]string, 50)
	for i := range tokens {
		tokens[i] = a.sign(newKey(t, "unknown"), a.claims())
	}
	for _, token := range tokens {
		if _, err := v.Verify(t.Context(), token); !client.HasCode(err, apierr.CodeUnparsableAccessToken) {
			t.Fatal(err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fetches != 1 {
		t.Errorf("%d fetches", a.fetches)
	}
}

func TestVerify_keySetUnreachable_isA503AndThenHeals(t *testing.T) {
	a := newAPI(t)
	v := a.verifier(nil)
	token := a.sign(a.keys[""][0], a.claims())
	a.down = true
	_, err := v.Verify(t.Context(), token)
	if known, ok := err.(*client.Error); !ok || known.HTTP != http.StatusServiceUnavailable {
		t.Fatalf("down: %v", err)
	}
	a.mu.Lock()
	a.down = false
	a.mu.Unlock()
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("up again: %v", err)
	}
}
