package principal_test

import (
	"encoding/base64"
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

const (
	shared = secret.Secret("0123456789abcdef0123456789abcdef")
	rotted = secret.Secret("fedcba9876543210fedcba9876543210")
)

func newCallers(t *testing.T, c clock.Clock, service string) (*principal.CallerSigner, *principal.CallerVerifier) {
	t.Helper()
	s, err := principal.NewCallerSigner(c, service, shared)
	if err != nil {
		t.Fatal(err)
	}
	v, err := principal.NewCallerVerifier(c, rotted, shared)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

func TestVerifyCaller_ownToken_namesService(t *testing.T) {
	c := clock.NewFake(start)
	s, v := newCallers(t, c, "identity")
	first, err := s.Token()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := v.Verify(first); err != nil || got != "identity" {
			t.Errorf("%q, %v", got, err)
		}
	}
	c.Advance(29 * time.Second)
	if again, _ := s.Token(); again != first {
		t.Error("signed twice within the reuse period")
	}
	c.Advance(time.Second)
	if again, _ := s.Token(); again == first {
		t.Error("token reused too long")
	}
	c.Advance(30 * time.Second)
	if _, err := v.Verify(first); !errors.Is(err, principal.ErrInvalidToken) {
		t.Errorf("expired token passed from the cache: %v", err)
	}
}

func TestVerifyCaller_forged_isRefused(t *testing.T) {
	c := clock.NewFake(start)
	_, v := newCallers(t, c, "identity")
	header := map[string]any{"alg": "HS256", "typ": "caller+jwt"}
	claims := map[string]any{"iss": "identity", "aud": "vestibule-internal", "sub": "identity", "iat": start.Unix(), "exp": start.Unix() + 60}
	with := func(m map[string]any, key string, value any) map[string]any {
		out := maps.Clone(m)
		out[key] = value
		return out
	}
	signed := func(key secret.Secret) func(string) []byte {
		return func(in string) []byte {
			sig, err := jwt.SigningMethodHS256.Sign(in, []byte(key))
			if err != nil {
				t.Fatal(err)
			}
			return sig
		}
	}
	if _, err := v.Verify(forge(t, header, claims, signed(shared))); err != nil {
		t.Fatalf("the unchanged token must pass, else this test proves nothing: %v", err)
	}
	key := newKey(t)
	for name, token := range map[string]string{
		"empty":               "",
		"huge":                strings.Repeat("A", 1<<20),
		"other key":           forge(t, header, claims, signed("another key that is long enough!")),
		"alg none":            forge(t, with(header, "alg", "none"), claims, nil),
		"HS512":               forge(t, with(header, "alg", "HS512"), claims, signed(shared)),
		"typ of a principal":  forge(t, with(header, "typ", "principal+jwt"), claims, signed(shared)),
		"principal as caller": sign(t, newSigner(t, c, key), member),
		"crit":                forge(t, with(header, "crit", []string{"exp"}), claims, signed(shared)),
		"issuer is another":   forge(t, header, with(claims, "iss", "teams"), signed(shared)),
		"wrong audience":      forge(t, header, with(claims, "aud", "vestibule-principal"), signed(shared)),
		"no subject":          forge(t, header, with(claims, "sub", ""), signed(shared)),
		"expired":             forge(t, header, with(with(claims, "iat", start.Unix()-61), "exp", start.Unix()-1), signed(shared)),
		"lives too long":      forge(t, header, with(claims, "exp", start.Unix()+61), signed(shared)),
		"future":              forge(t, header, with(with(claims, "iat", start.Unix()+30), "exp", start.Unix()+60), signed(shared)),
		"trailing part":       forge(t, header, claims, signed(shared)) + "." + base64.RawURLEncoding.EncodeToString([]byte("x")),
	} {
		if got, err := v.Verify(token); !errors.Is(err, principal.ErrInvalidToken) || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestNewCallerSigner_weakKey_isRefused(t *testing.T) {
	c := clock.NewFake(start)
	if _, err := principal.NewCallerSigner(c, "identity", shared[:31]); err == nil {
		t.Error("signer accepts a short key")
	}
	if _, err := principal.NewCallerSigner(c, "", shared); err == nil {
		t.Error("signer accepts no name")
	}
	if _, err := principal.NewCallerVerifier(c, shared, ""); err == nil {
		t.Error("verifier accepts an empty key")
	}
	if _, err := principal.NewCallerVerifier(c); err == nil {
		t.Error("verifier accepts no key")
	}
}

// To rotate, every process gets the new key after the old one, then before it,
// then alone, and at every moment some have one list and some the next.
func TestParseCallerKeys_rotation_refusesNothing(t *testing.T) {
	c := clock.NewFake(start)
	steps := []secret.Secret{shared, shared + "," + rotted, rotted + " ,\n" + shared, rotted}
	parse := func(text secret.Secret) []secret.Secret {
		t.Helper()
		keys, err := principal.ParseCallerKeys(text)
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	call := func(from, to secret.Secret) error {
		s, err := principal.NewCallerSigner(c, "identity", parse(from)[0])
		if err != nil {
			t.Fatal(err)
		}
		v, err := principal.NewCallerVerifier(c, parse(to)...)
		if err != nil {
			t.Fatal(err)
		}
		token, err := s.Token()
		if err != nil {
			t.Fatal(err)
		}
		_, err = v.Verify(token)
		return err
	}
	for i := range steps[:len(steps)-1] {
		for _, pair := range [][2]secret.Secret{{steps[i], steps[i]}, {steps[i], steps[i+1]}, {steps[i+1], steps[i]}, {steps[i+1], steps[i+1]}} {
			if err := call(pair[0], pair[1]); err != nil {
				t.Errorf("step %d: %v", i+1, err)
			}
		}
	}
	if call(steps[0], steps[3]) == nil {
		t.Error("the old key is still accepted at the end")
	}
}

func TestParseCallerKeys_invalid_isAnErrorWithoutTheKey(t *testing.T) {
	for _, text := range []secret.Secret{"", "short-one", shared + ",", shared + ",short-one", "," + shared} {
		if _, err := principal.ParseCallerKeys(text); err == nil || strings.Contains(err.Error(), "short-one") {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
}
