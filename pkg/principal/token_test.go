package principal_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
)

var (
	start  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	member = principal.Principal{
		ProjectID:        "3241a285-8329-4d69-8f3d-316e08cf140c",
		BranchID:         "main",
		Access:           principal.AccessClient,
		UserID:           "0b4b0d6c-5a53-4b5b-9d5c-0f3f2b0d8a11",
		SessionID:        "d2f4a6c8-1b3d-4f5a-8c7e-9a0b1c2d3e4f",
		Restricted:       true,
		RestrictedReason: "email_not_verified",
		ConfigVersion:    7,
		AdminUserID:      "operator",
	}
)

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func newSigner(t *testing.T, c clock.Clock, key ed25519.PrivateKey) *principal.Signer {
	t.Helper()
	s, err := principal.NewSigner(c, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newVerifier(t *testing.T, c clock.Clock, keys ...ed25519.PublicKey) *principal.Verifier {
	t.Helper()
	v, err := principal.NewVerifier(c, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sign(t *testing.T, s *principal.Signer, p principal.Principal) string {
	t.Helper()
	token, err := s.Sign(p)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestVerify_ownToken_returnsPrincipal(t *testing.T) {
	c, key := clock.NewFake(start), newKey(t)
	s, v := newSigner(t, c, key), newVerifier(t, c, public(key))
	for name, p := range map[string]principal.Principal{
		"member":          member,
		"unauthenticated": {},
		"backend":         {ProjectID: "internal", BranchID: "main", Access: principal.AccessServer},
		"anonymous":       {ProjectID: "p", BranchID: "main", Access: principal.AccessClient, UserID: "u", Anonymous: true},
	} {
		token := sign(t, s, p)
		for range 2 { // the second answer comes from the cache
			if got, err := v.Verify(token); err != nil || got != p {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	}
}

func TestSign_samePrincipal_reusesTokenForAWhile(t *testing.T) {
	c, key := clock.NewFake(start), newKey(t)
	s, v := newSigner(t, c, key), newVerifier(t, c, public(key))
	first := sign(t, s, member)
	c.Advance(29 * time.Second)
	if sign(t, s, member) != first {
		t.Error("signed twice within the reuse period")
	}
	other := member
	other.ConfigVersion++
	if sign(t, s, other) == first {
		t.Error("another principal got the same token")
	}
	c.Advance(time.Second)
	second := sign(t, s, member)
	if second == first {
		t.Error("token reused too long")
	}
	c.Advance(29 * time.Second)
	if _, err := v.Verify(second); err != nil {
		t.Errorf("token handed out is no longer valid: %v", err)
	}
	c.Set(start.Add(-time.Hour))
	if sign(t, s, member) == second {
		t.Error("a clock set back keeps a token alive")
	}
}

func TestSign_impossiblePrincipal_isRefused(t *testing.T) {
	s := newSigner(t, clock.NewFake(start), newKey(t))
	for name, p := range impossible {
		if token, err := s.Sign(p); err == nil {
			t.Errorf("%s: signed as %s", name, token)
		}
	}
}

var impossible = map[string]principal.Principal{
	"unknown access":             {ProjectID: "p", BranchID: "main", Access: "root"},
	"no access but a project":    {ProjectID: "p", BranchID: "main"},
	"no access but a user":       {UserID: "u"},
	"access without project":     {BranchID: "main", Access: principal.AccessAdmin},
	"access without branch":      {ProjectID: "p", Access: principal.AccessAdmin},
	"session without user":       {ProjectID: "p", BranchID: "main", Access: principal.AccessClient, SessionID: "s"},
	"anonymous without user":     {ProjectID: "p", BranchID: "main", Access: principal.AccessClient, Anonymous: true},
	"operator without a project": {AdminUserID: "o"},
}

func TestVerify_expired_isRefusedAlsoFromCache(t *testing.T) {
	for _, warm := range []bool{false, true} {
		c, key := clock.NewFake(start), newKey(t)
		s, v := newSigner(t, c, key), newVerifier(t, c, public(key))
		token := sign(t, s, member)
		if warm {
			if _, err := v.Verify(token); err != nil {
				t.Fatal(err)
			}
		}
		c.Advance(principal.MaxLife - time.Second)
		if _, err := v.Verify(token); err != nil {
			t.Errorf("warm %v: refused before it expired: %v", warm, err)
		}
		c.Advance(time.Second)
		if _, err := v.Verify(token); !errors.Is(err, principal.ErrInvalidToken) {
			t.Errorf("warm %v: expired token passed: %v", warm, err)
		}
	}
}

func TestVerify_clockSkew_toleratedUpTo20Seconds(t *testing.T) {
	key := newKey(t)
	edge := clock.NewFake(start)
	s := newSigner(t, edge, key)
	token := sign(t, s, member)
	edge.Advance(29 * time.Second) // the oldest token the edge hands out …
	if sign(t, s, member) != token {
		t.Fatal("want the reused token")
	}
	for skew, ok := range map[time.Duration]bool{
		-20 * time.Second: true,
		20 * time.Second:  true,
		-90 * time.Second: false,
		90 * time.Second:  false,
		24 * time.Hour:    false,
		-24 * time.Hour:   false,
	} {
		// … seen by a service whose clock differs.
		v := newVerifier(t, clock.NewFake(edge.Now().Add(skew)), s.PublicKey())
		if _, err := v.Verify(token); (err == nil) != ok {
			t.Errorf("skew %v: %v", skew, err)
		}
	}
}

func TestVerify_rotatedKeys_bothAccepted(t *testing.T) {
	c, old, next := clock.NewFake(start), newKey(t), newKey(t)
	v := newVerifier(t, c, public(old), public(next))
	for _, key := range []ed25519.PrivateKey{old, next} {
		if _, err := v.Verify(sign(t, newSigner(t, c, key), member)); err != nil {
			t.Error(err)
		}
	}
	if _, err := newVerifier(t, c, public(next)).Verify(sign(t, newSigner(t, c, old), member)); err == nil {
		t.Error("retired key accepted")
	}
}

func TestVerify_anyBitFlipped_isRefused(t *testing.T) {
	c, key := clock.NewFake(start), newKey(t)
	v := newVerifier(t, c, public(key))
	token := sign(t, newSigner(t, c, key), member)
	if _, err := v.Verify(token); err != nil {
		t.Fatal(err)
	}
	for i := range len(token) {
		for _, bit := range []byte{1, 2, 32} {
			b := []byte(token)
			b[i] ^= bit
			if _, err := v.Verify(string(b)); err == nil {
				t.Fatalf("byte %d changed from %q to %q and the token passes", i, token[i], b[i])
			}
		}
	}
}

// forge builds a token from its parts; sign may be nil for none.
func forge(t *testing.T, header, claims map[string]any, sign func(input string) []byte) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	input := part(header) + "." + part(claims)
	if sign == nil {
		return input + "."
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
}

func TestVerify_forged_isRefused(t *testing.T) {
	c, key := clock.NewFake(start), newKey(t)
	v := newVerifier(t, c, public(key))

	good := sign(t, newSigner(t, c, key), member)
	var header, claims map[string]any
	for i, into := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(strings.Split(good, ".")[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	with := func(m map[string]any, changes map[string]any) map[string]any {
		out := maps.Clone(m)
		for k, val := range changes {
			if out[k] = val; val == nil {
				delete(out, k)
			}
		}
		return out
	}
	ours := func(input string) []byte { return ed25519.Sign(key, []byte(input)) }
	hmacWith := func(secret []byte) func(string) []byte {
		return func(input string) []byte {
			sig, err := jwt.SigningMethodHS256.Sign(input, secret)
			if err != nil {
				t.Fatal(err)
			}
			return sig
		}
	}
	if _, err := newVerifier(t, c, public(key)).Verify(forge(t, header, claims, ours)); err != nil {
		t.Fatalf("the unchanged token must pass, else this test proves nothing: %v", err)
	}

	der, err := x509.MarshalPKIXPublicKey(public(key))
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecSign := func(input string) []byte {
		sig, err := jwt.SigningMethodES256.Sign(input, ecKey)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	other := newKey(t)

	forged := map[string]string{
		"empty":                       "",
		"not a token":                 "a.b.c",
		"two parts":                   good[:strings.LastIndex(good, ".")],
		"four parts":                  good + ".x",
		"padded":                      good + "=",
		"blank around":                " " + good,
		"huge":                        good + strings.Repeat("A", 1<<20),
		"other key":                   forge(t, header, claims, func(in string) []byte { return ed25519.Sign(other, []byte(in)) }),
		"other key under own id":      sign(t, newSigner(t, c, other), member),
		"alg none":                    forge(t, with(header, map[string]any{"alg": "none"}), claims, nil),
		"alg None":                    forge(t, with(header, map[string]any{"alg": "None"}), claims, nil),
		"no signature":                forge(t, header, claims, nil),
		"zero signature":              forge(t, header, claims, func(string) []byte { return make([]byte, ed25519.SignatureSize) }),
		"HS256 with public key":       forge(t, with(header, map[string]any{"alg": "HS256"}), claims, hmacWith(public(key))),
		"HS256 with public key PEM":   forge(t, with(header, map[string]any{"alg": "HS256"}), claims, hmacWith(publicPEM)),
		"HS256 with public key DER":   forge(t, with(header, map[string]any{"alg": "HS256"}), claims, hmacWith(der)),
		"HS256 with empty key":        forge(t, with(header, map[string]any{"alg": "HS256"}), claims, hmacWith(nil)),
		"ES256":                       forge(t, with(header, map[string]any{"alg": "ES256"}), claims, ecSign),
		"alg missing":                 forge(t, with(header, map[string]any{"alg": nil}), claims, ours),
		"alg a number":                forge(t, with(header, map[string]any{"alg": 1}), claims, ours),
		"access token as principal":   forge(t, map[string]any{"alg": "ES256", "kid": "k", "typ": "JWT"}, map[string]any{"iss": "https://api.example.com", "aud": member.ProjectID, "sub": member.UserID, "iat": start.Unix(), "exp": start.Unix() + 600}, ecSign),
		"typ JWT":                     forge(t, with(header, map[string]any{"typ": "JWT"}), claims, ours),
		"typ of a caller token":       forge(t, with(header, map[string]any{"typ": "caller+jwt"}), claims, ours),
		"typ missing":                 forge(t, with(header, map[string]any{"typ": nil}), claims, ours),
		"kid missing":                 forge(t, with(header, map[string]any{"kid": nil}), claims, ours),
		"kid empty":                   forge(t, with(header, map[string]any{"kid": ""}), claims, ours),
		"kid path":                    forge(t, with(header, map[string]any{"kid": "../../dev/null"}), claims, ours),
		"kid list":                    forge(t, with(header, map[string]any{"kid": []string{"a"}}), claims, ours),
		"jwk in header":               forge(t, with(header, map[string]any{"jwk": map[string]any{"kty": "OKP"}}), claims, ours),
		"jku in header":               forge(t, with(header, map[string]any{"jku": "https://example.com/jwks.json"}), claims, ours),
		"x5u in header":               forge(t, with(header, map[string]any{"x5u": "https://example.com/cert"}), claims, ours),
		"crit in header":              forge(t, with(header, map[string]any{"crit": []string{"exp"}}), claims, ours),
		"detached payload":            forge(t, with(header, map[string]any{"b64": false}), claims, ours),
		"wrong issuer":                forge(t, header, with(claims, map[string]any{"iss": "vestibule-internal"}), ours),
		"wrong audience":              forge(t, header, with(claims, map[string]any{"aud": "vestibule-internal"}), ours),
		"audience list":               forge(t, header, with(claims, map[string]any{"aud": []string{"vestibule-principal"}}), ours),
		"issuer missing":              forge(t, header, with(claims, map[string]any{"iss": nil}), ours),
		"audience missing":            forge(t, header, with(claims, map[string]any{"aud": nil}), ours),
		"no expiry":                   forge(t, header, with(claims, map[string]any{"exp": nil}), ours),
		"no issue time":               forge(t, header, with(claims, map[string]any{"iat": nil}), ours),
		"lives too long":              forge(t, header, with(claims, map[string]any{"exp": start.Unix() + 61}), ours),
		"expired a second ago":        forge(t, header, with(claims, map[string]any{"iat": start.Unix() - 61, "exp": start.Unix() - 1}), ours),
		"expires now":                 forge(t, header, with(claims, map[string]any{"iat": start.Unix() - 60, "exp": start.Unix()}), ours),
		"from the future":             forge(t, header, with(claims, map[string]any{"iat": start.Unix() + 21, "exp": start.Unix() + 80}), ours),
		"expires before it is issued": forge(t, header, with(claims, map[string]any{"iat": start.Unix() + 10, "exp": start.Unix() + 5}), ours),
		"expiry overflows":            forge(t, header, with(claims, map[string]any{"iat": 1, "exp": int64(1) << 62}), ours),
	}
	for name, p := range impossible {
		forged["impossible: "+name] = forge(t, header, with(claims, map[string]any{
			"pid": p.ProjectID, "bid": p.BranchID, "acc": p.Access, "uid": p.UserID, "sid": p.SessionID,
			"anon": p.Anonymous, "restr": p.Restricted, "why": "", "adm": p.AdminUserID,
		}), ours)
	}
	for name, token := range forged {
		for range 2 { // a refusal must not be cached as anything else
			if p, err := v.Verify(token); !errors.Is(err, principal.ErrInvalidToken) || p != (principal.Principal{}) {
				t.Errorf("%s: %+v, %v", name, p, err)
			}
		}
	}
}

func TestVerify_cached_costsLittle(t *testing.T) {
	c, key := clock.NewFake(start), newKey(t)
	s, v := newSigner(t, c, key), newVerifier(t, c, public(key))
	token := sign(t, s, member)
	if _, err := v.Verify(token); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		_, _ = v.Verify(token)
		_, _ = s.Sign(member)
	}); n > 4 { // one for the key of each cache
		t.Errorf("%v allocations on the hot path", n)
	}
}

func TestParsePrivateKey_forms_giveTheSameKey(t *testing.T) {
	key := newKey(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for name, text := range map[string]string{
		"PEM":           text,
		"PEM, blanks":   "\n" + text + "\n\n",
		"base64":        base64.StdEncoding.EncodeToString(key.Seed()),
		"base64, blank": base64.StdEncoding.EncodeToString(key.Seed()) + "\n",
		"base64url":     base64.RawURLEncoding.EncodeToString(key.Seed()),
	} {
		if got, err := principal.ParsePrivateKey(secret.Secret(text)); err != nil || !got.Equal(key) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParsePrivateKey_other_isRefusedWithoutRepeatingIt(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty":      "",
		"short":      base64.StdEncoding.EncodeToString([]byte("hushhushhush")),
		"not base64": "hush hush hush",
		"RSA":        string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"not DER":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hush")})),
		"other type": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der})),
	} {
		_, err := principal.ParsePrivateKey(secret.Secret(text))
		if err == nil || text != "" && strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParsePublicKeys_several_areRead(t *testing.T) {
	a, b := public(newKey(t)), public(newKey(t))
	var blocks string
	for _, key := range []ed25519.PublicKey{a, b} {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		blocks += string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	for name, text := range map[string]string{
		"PEM":    blocks,
		"base64": base64.StdEncoding.EncodeToString(a) + ", " + base64.RawURLEncoding.EncodeToString(b),
	} {
		keys, err := principal.ParsePublicKeys(text)
		if err != nil || len(keys) != 2 || !keys[0].Equal(a) || !keys[1].Equal(b) {
			t.Errorf("%s: %d keys, %v", name, len(keys), err)
		}
	}
	for _, text := range []string{"", ",", "AAAA", "-----BEGIN PUBLIC KEY-----"} {
		if keys, err := principal.ParsePublicKeys(text); err == nil {
			t.Errorf("%q read as %d keys", text, len(keys))
		}
	}
}

func BenchmarkVerify_cached(b *testing.B) {
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	s, _ := principal.NewSigner(clock.System(), key)
	v, _ := principal.NewVerifier(clock.System(), public(key))
	token, _ := s.Sign(member)
	for b.Loop() {
		if _, err := v.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}
