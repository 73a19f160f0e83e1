package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/descope/virtualwebauthn"

	"vestibule.dev/test/client"
)

// ceremony begins a registration or a sign-in and returns its challenge and its
// code.
func ceremony(t *testing.T, c *client.Client, path string) (challenge []byte, code string) {
	t.Helper()
	begun := succeed(t, c, http.MethodPost, path, map[string]any{})
	options, _ := begun["options_json"].(map[string]any)
	text, _ := options["challenge"].(string)
	challenge, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(challenge) == 0 {
		t.Fatalf("begun %v", begun)
	}
	code, _ = begun["code"].(string)
	return challenge, code
}

func TestPasskeys_registerAndSignIn(t *testing.T) {
	_, tokens, me := signUp(t, dev)
	page := virtualwebauthn.RelyingParty{ID: "localhost", Origin: "http://localhost:3000"}
	device, passkey := virtualwebauthn.NewAuthenticator(), newPasskey()
	attest := func(challenge []byte) json.RawMessage {
		return json.RawMessage(virtualwebauthn.CreateAttestationResponse(page, device, passkey, virtualwebauthn.AttestationOptions{Challenge: challenge}))
	}
	assert := func(challenge []byte) json.RawMessage {
		return json.RawMessage(virtualwebauthn.CreateAssertionResponse(page, device, passkey, virtualwebauthn.AssertionOptions{Challenge: challenge}))
	}
	refuse(t, visitor(dev), http.MethodPost, "/auth/passkey/initiate-passkey-registration", map[string]any{}, "SCHEMA_ERROR")
	challenge, code := ceremony(t, me, "/auth/passkey/initiate-passkey-registration")
	refuse(t, me, http.MethodPost, "/auth/passkey/register", map[string]any{"code": code}, "SCHEMA_ERROR")
	refuse(t, me, http.MethodPost, "/auth/passkey/register", map[string]any{"code": code, "credential": "x"}, "SCHEMA_ERROR")
	refuse(t, me, http.MethodPost, "/auth/passkey/register", map[string]any{"code": "x", "credential": map[string]any{}}, "SCHEMA_ERROR")
	registered := succeed(t, me, http.MethodPost, "/auth/passkey/register", map[string]any{"code": code, "credential": attest(challenge)})
	if registered["user_handle"] != base64.RawURLEncoding.EncodeToString(passkey.ID) {
		t.Errorf("registered %v", registered)
	}
	refuse(t, me, http.MethodPost, "/auth/passkey/register", map[string]any{"code": code, "credential": attest(challenge)}, "VERIFICATION_CODE_ALREADY_USED")
	if user := succeed(t, me, http.MethodGet, "/users/me", nil); user["passkey_auth_enabled"] != true {
		t.Errorf("user %v", user)
	}

	challenge, code = ceremony(t, visitor(dev), "/auth/passkey/initiate-passkey-authentication")
	signedIn := succeed(t, visitor(dev), http.MethodPost, "/auth/passkey/sign-in", map[string]any{"code": code, "authentication_response": assert(challenge)})
	if signedIn["user_id"] != tokens.UserID || signedIn["is_new_user"] != false {
		t.Errorf("signed in %v", signedIn)
	}
	challenge, code = ceremony(t, visitor(dev), "/auth/passkey/initiate-passkey-authentication")
	page.Origin = "http://evil.example.com"
	refused := refuse(t, visitor(dev), http.MethodPost, "/auth/passkey/sign-in", map[string]any{"code": code, "authentication_response": assert(challenge)}, "PASSKEY_AUTHENTICATION_FAILED")
	if details, _ := refused.Object()["details"].(map[string]any); details["message"] == "" {
		t.Errorf("refused with %s", refused)
	}
}

// newPasskey makes a key on P-256 whose coordinates have all their 32 bytes. The
// library leaves out leading zeros, which RFC 9053 section 7.1.1 forbids and no
// authenticator does.
func newPasskey() virtualwebauthn.Credential {
	const whole = 77 // bytes of a COSE key
	for {
		if passkey := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(passkey.Key.AttestationData()) == whole {
			return passkey
		}
	}
}
