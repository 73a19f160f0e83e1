package passkey

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Whatever a client sends, it is read or refused.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"id":"YQ","rawId":"YQ","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA","authenticatorData":"AA","signature":"AA"}}`))
	f.Add([]byte(`{"id":"YQ==","rawId":"YQ","type":"public-key"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if registration, err := ParseRegistration(text); err == nil {
			if _, err := registration.Verify(NewChallenge()); err == nil {
				t.Error("a registration of another challenge is good")
			}
		}
		if assertion, err := ParseAssertion(text); err == nil {
			if _, err := assertion.Verify(NewChallenge(), nil); err == nil {
				t.Error("a sign-in without key is good")
			}
		}
	})
}

func TestDecode_spellings_areOne(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "-_8": "\xfb\xff", "-_8=": "\xfb\xff", "+/8": "\xfb\xff", "+/8=": "\xfb\xff",
	} {
		if got, err := decode(text); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"!", "a", "Y=Q", "Y Q"} {
		if got, err := decode(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// ceremony is what a client that is no browser makes up.
func ceremony(t *testing.T, kind, challenge string, response map[string]any) []byte {
	t.Helper()
	text := func(value []byte) string { return base64.RawURLEncoding.EncodeToString(value) }
	client, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": "https://app.example.com", "crossOrigin": false})
	if err != nil {
		t.Fatal(err)
	}
	encoded := map[string]any{"clientDataJSON": text(client)}
	for name, value := range response {
		encoded[name] = text(value.([]byte))
	}
	whole, err := json.Marshal(map[string]any{"id": "aWQ", "rawId": "aWQ", "type": "public-key", "response": encoded})
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// authenticatorData of a user who is there, at the page of [ceremony].
func authenticatorData(flags byte, attested ...byte) []byte {
	page := sha256.Sum256([]byte("app.example.com"))
	return slices.Concat(page[:], []byte{flags, 0, 0, 0, 0}, attested)
}

// rsaKey is a COSE key of RSA with a modulus of so many bytes.
func rsaKey(t *testing.T, size int) []byte {
	t.Helper()
	key, err := webauthncbor.Marshal(webauthncose.RSAPublicKeyData{
		PublicKeyData: webauthncose.PublicKeyData{KeyType: int64(webauthncose.RSAKey), Algorithm: int64(webauthncose.AlgRS256)},
		Modulus:       bytes.Repeat([]byte{0xff}, size), Exponent: []byte{0x7f, 0xff, 0xff, 0xff},
	})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func registration(t *testing.T, challenge, format string, statement map[string]any, key []byte) *Registration {
	t.Helper()
	attested := slices.Concat(make([]byte, 16), []byte{0, 2}, []byte("id"), key)
	object, err := webauthncbor.Marshal(map[string]any{
		"fmt": format, "attStmt": statement, "authData": authenticatorData(0x41, attested...),
	})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseRegistration(ceremony(t, "webauthn.create", challenge, map[string]any{"attestationObject": object}))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// To verify one signature with a key of 32 KiB takes seconds, with one of 4 MiB,
// which fits into a request, the better part of a day.
func TestVerify_endlessKeys_areRefusedUnseen(t *testing.T) {
	challenge := NewChallenge()
	for _, size := range []int{256, 512} {
		if _, err := registration(t, challenge, "none", map[string]any{}, rsaKey(t, size)).Verify(challenge); err != nil {
			t.Errorf("a key of %d bytes: %v", size, err)
		}
	}
	for _, size := range []int{2 << 10, 32 << 10} {
		if _, err := registration(t, challenge, "none", map[string]any{}, rsaKey(t, size)).Verify(challenge); !errors.Is(err, errPublicKeyTooLong) {
			t.Errorf("a registration with a key of %d bytes: %v", size, err)
		}
		assertion, err := ParseAssertion(ceremony(t, "webauthn.get", challenge, map[string]any{
			"authenticatorData": authenticatorData(0x01), "signature": bytes.Repeat([]byte{0x7f}, size),
		}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := assertion.Verify(challenge, rsaKey(t, size)); !errors.Is(err, errPublicKeyTooLong) {
			t.Errorf("a sign-in with a key of %d bytes: %v", size, err)
		}
	}
}

// A statement can bring keys of its own, of any size.
func TestVerify_statementOfTheAuthenticator_isNotLookedAt(t *testing.T) {
	challenge := NewChallenge()
	for _, statement := range []map[string]any{
		{"alg": -257, "sig": []byte("none")},
		{"alg": -257, "sig": []byte("none"), "x5c": []any{[]byte("no certificate")}},
	} {
		made := registration(t, challenge, "packed", statement, rsaKey(t, 256))
		if credential, err := made.Verify(challenge); err != nil || credential.ID != base64.RawURLEncoding.EncodeToString([]byte("id")) {
			t.Errorf("%v: %v, %v", statement, credential, err)
		}
	}
}
