package app_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/descope/virtualwebauthn"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/identity/internal/app"
)

// device is an authenticator with one passkey, in a browser that shows a page.
type device struct {
	page          virtualwebauthn.RelyingParty
	authenticator virtualwebauthn.Authenticator
	passkey       virtualwebauthn.Credential
}

func newDevice() *device {
	return &device{
		page:          virtualwebauthn.RelyingParty{ID: "localhost", Origin: "http://localhost:3000"},
		authenticator: virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserNotVerified: true}),
		passkey:       newPasskey(),
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

// create answers the options of a registration.
func (d *device) create(t *testing.T, begun *app.PasskeyCeremony) json.RawMessage {
	t.Helper()
	return json.RawMessage(virtualwebauthn.CreateAttestationResponse(d.page, d.authenticator, d.passkey, virtualwebauthn.AttestationOptions{Challenge: challenge(t, begun)}))
}

// get answers the options of a sign-in.
func (d *device) get(t *testing.T, begun *app.PasskeyCeremony) json.RawMessage {
	t.Helper()
	return json.RawMessage(virtualwebauthn.CreateAssertionResponse(d.page, d.authenticator, d.passkey, virtualwebauthn.AssertionOptions{Challenge: challenge(t, begun)}))
}

// id is the id of the passkey.
func (d *device) id() string { return base64.RawURLEncoding.EncodeToString(d.passkey.ID) }

func challenge(t *testing.T, begun *app.PasskeyCeremony) []byte {
	t.Helper()
	decoded, err := base64.RawURLEncoding.DecodeString(begun.Options["challenge"].(string))
	if err != nil || len(decoded) != 32 {
		t.Fatalf("challenge %v", begun.Options["challenge"])
	}
	return decoded
}

func newPasskeyHarness(t *testing.T) *harness {
	t.Helper()
	h := newHarness(t)
	h.config.DisplayName = "Shop"
	h.config.Auth.Passkey.AllowSignIn = true
	return h
}

func (h *harness) beginRegistration(userID string) *app.PasskeyCeremony {
	h.t.Helper()
	begun, err := h.InitiatePasskeyRegistration(h.as(principal.AccessClient, userID))
	if err != nil {
		h.t.Fatal(err)
	}
	return begun
}

func (h *harness) beginPasskeySignIn() *app.PasskeyCeremony {
	h.t.Helper()
	begun, err := h.InitiatePasskeyAuthentication(h.client())
	if err != nil {
		h.t.Fatal(err)
	}
	return begun
}

// registerPasskey gives the user the passkey of a device.
func (h *harness) registerPasskey(userID string, d *device) {
	h.t.Helper()
	begun := h.beginRegistration(userID)
	if _, err := h.RegisterPasskey(h.as(principal.AccessClient, userID), begun.Code, d.create(h.t, begun)); err != nil {
		h.t.Fatal(err)
	}
	h.events()
}

// signInWithPasskey signs in with the passkey of a device.
func (h *harness) signInWithPasskey(d *device) (*app.SignedIn, error) {
	h.t.Helper()
	begun := h.beginPasskeySignIn()
	return h.SignInWithPasskey(h.client(), begun.Code, d.get(h.t, begun))
}

func TestPasskey_life_fromRegistrationToRemoval(t *testing.T) {
	h := newPasskeyHarness(t)
	userID := h.signUp("ada@example.com")
	d := newDevice()
	begun := h.beginRegistration(userID)
	party, user := begun.Options["rp"].(map[string]any), begun.Options["user"].(map[string]any)
	if party["id"] != "THIS_VALUE_WILL_BE_REPLACED.example.com" || party["name"] != "Shop" ||
		user["id"] != base64.RawURLEncoding.EncodeToString([]byte(userID)) || user["name"] != "ada@example.com" || user["displayName"] != "ada@example.com" {
		t.Errorf("options %v", begun.Options)
	}
	credentialID, err := h.RegisterPasskey(h.as(principal.AccessClient, userID), begun.Code, d.create(t, begun))
	if err != nil || credentialID != d.id() {
		t.Fatalf("registered %q, %v, want %q", credentialID, err, d.id())
	}
	if got := facts(h.events()); got != "user.passkey_registered" {
		t.Errorf("events %q", got)
	}
	if !h.me(userID).HasPasskey {
		t.Error("the user has no passkey")
	}
	for range 2 {
		signedIn, err := h.signInWithPasskey(d)
		if err != nil || signedIn.UserID != userID || signedIn.IsNewUser {
			t.Fatalf("%+v, %v", signedIn, err)
		}
	}
	if len(h.sessions.opened) != 2 {
		t.Errorf("opened %+v", h.sessions.opened)
	}
	h.patch(userID, app.UserPatch{PasskeyAuthEnabled: patch.Value(false)})
	_, err = h.signInWithPasskey(d)
	wantError(t, err, apierr.PasskeyAuthenticationFailed(""))
}

func TestPasskey_names_preferTheDisplayName(t *testing.T) {
	h := newPasskeyHarness(t)
	userID := h.signUpAnonymously()
	name := func() any { return h.beginRegistration(userID).Options["user"].(map[string]any)["name"] }
	if got := name(); got == "" {
		t.Error("an anonymous user has no name")
	}
	h.patch(userID, app.UserPatch{DisplayName: patch.Value("Ada")})
	if got := name(); got != "Ada" {
		t.Errorf("name %v", got)
	}
}

func TestPasskey_switchedOff_everyRouteSaysSo(t *testing.T) {
	h := newPasskeyHarness(t)
	userID := h.signUp("ada@example.com")
	h.config.Auth.Passkey.AllowSignIn = false
	ctx := h.as(principal.AccessClient, userID)
	_, initiateRegistration := h.InitiatePasskeyRegistration(ctx)
	_, register := h.RegisterPasskey(ctx, ids.Secret(), nil)
	_, initiate := h.InitiatePasskeyAuthentication(ctx)
	_, signIn := h.SignInWithPasskey(ctx, ids.Secret(), nil)
	for _, err := range []error{initiateRegistration, register, initiate, signIn} {
		wantError(t, err, apierr.PasskeyAuthenticationNotEnabled())
	}
}

func TestPasskey_registeringAgain_replacesTheOldOne(t *testing.T) {
	h := newPasskeyHarness(t)
	userID := h.signUp("ada@example.com")
	old, replacement := newDevice(), newDevice()
	h.registerPasskey(userID, old)
	h.registerPasskey(userID, replacement)
	if n := h.count(`SELECT count(*) FROM passkeys`); n != 1 {
		t.Errorf("%d passkeys", n)
	}
	_, err := h.signInWithPasskey(old)
	wantError(t, err, apierr.PasskeyAuthenticationFailed(""))
	if _, err := h.signInWithPasskey(replacement); err != nil {
		t.Error(err)
	}
	// The same one may come again.
	h.registerPasskey(userID, replacement)
}

func TestRegisterPasskey_ofSomebodyElse_isRefused(t *testing.T) {
	h := newPasskeyHarness(t)
	ada, bob := h.signUp("ada@example.com"), h.signUp("bob@example.com")
	d := newDevice()
	h.registerPasskey(ada, d)
	begun := h.beginRegistration(bob)
	_, err := h.RegisterPasskey(h.as(principal.AccessClient, bob), begun.Code, d.create(t, begun))
	wantError(t, err, apierr.PasskeyRegistrationFailed(""))
	if signedIn, err := h.signInWithPasskey(d); err != nil || signedIn.UserID != ada {
		t.Errorf("%+v, %v", signedIn, err)
	}
}

func TestRegisterPasskey_callers_mustBeWhoBegan(t *testing.T) {
	h := newPasskeyHarness(t)
	ada, bob := h.signUp("ada@example.com"), h.signUp("bob@example.com")
	d := newDevice()
	_, err := h.InitiatePasskeyRegistration(h.client())
	wantError(t, err, apierr.SchemaError())
	_, err = h.InitiatePasskeyRegistration(h.as(principal.AccessClient, ids.NewUUID()))
	wantError(t, err, apierr.SchemaError())
	begun := h.beginRegistration(ada)
	_, err = h.RegisterPasskey(h.client(), begun.Code, d.create(t, begun))
	wantError(t, err, apierr.UserAuthenticationRequired())
	_, err = h.RegisterPasskey(h.as(principal.AccessClient, bob), begun.Code, d.create(t, begun))
	wantError(t, err, apierr.VerificationCodeNotFound())
	// Neither spent the code.
	if _, err := h.RegisterPasskey(h.as(principal.AccessClient, ada), begun.Code, d.create(t, begun)); err != nil {
		t.Error(err)
	}
	// A user who is gone has nobody to give a passkey to.
	begun = h.beginRegistration(bob)
	h.exec(`DELETE FROM users WHERE id = $1`, bob)
	_, err = h.RegisterPasskey(h.as(principal.AccessClient, bob), begun.Code, newDevice().create(t, begun))
	wantError(t, err, apierr.UserAuthenticationRequired())
}

func TestPasskeyCodes_areSpentInTheirCeremonyAlone(t *testing.T) {
	h := newPasskeyHarness(t)
	userID := h.signUp("ada@example.com")
	ctx := h.as(principal.AccessClient, userID)
	d := newDevice()
	h.registerPasskey(userID, d)
	registration, signIn := h.beginRegistration(userID), h.beginPasskeySignIn()
	_, err := h.RegisterPasskey(ctx, signIn.Code, d.create(t, signIn))
	wantError(t, err, apierr.VerificationCodeNotFound())
	_, err = h.SignInWithPasskey(ctx, registration.Code, d.get(t, registration))
	wantError(t, err, apierr.VerificationCodeNotFound())

	// A refused answer spends the code, so that nobody can try another.
	_, err = h.RegisterPasskey(ctx, registration.Code, json.RawMessage(`{}`))
	wantError(t, err, apierr.PasskeyRegistrationFailed(""))
	_, err = h.RegisterPasskey(ctx, registration.Code, d.create(t, registration))
	wantError(t, err, apierr.VerificationCodeAlreadyUsed())
	_, err = h.SignInWithPasskey(ctx, signIn.Code, json.RawMessage(`{}`))
	wantError(t, err, apierr.PasskeyAuthenticationFailed(""))
	_, err = h.SignInWithPasskey(ctx, signIn.Code, d.get(t, signIn))
	wantError(t, err, apierr.VerificationCodeAlreadyUsed())

	expired := h.beginPasskeySignIn()
	h.exec(`UPDATE one_time_codes SET expires_at = now() WHERE expires_at > now()`)
	_, err = h.SignInWithPasskey(ctx, expired.Code, d.get(t, expired))
	wantError(t, err, apierr.VerificationCodeExpired())
	if n := h.count(`SELECT count(*) FROM one_time_codes WHERE kind LIKE 'passkey%' AND expires_at > created_at + interval '65 seconds'`); n != 0 {
		t.Errorf("%d challenges live too long", n)
	}
}

func TestPasskey_origins_mustBeTrusted(t *testing.T) {
	h := newPasskeyHarness(t)
	h.config.Domains.TrustedDomains = map[string]projectconfig.TrustedDomain{
		"exact": {BaseURL: "https://shop.example.com"}, "wildcard": {BaseURL: "https://*.example.org"},
	}
	userID := h.signUp("ada@example.com")
	for _, tt := range []struct {
		origin, party string
		good          bool
	}{
		{"http://localhost:3000", "localhost", true},
		{"https://shop.example.com", "shop.example.com", true},
		{"https://a.example.org", "a.example.org", true},
		{"https://a.b.example.org", "a.b.example.org", false},
		{"https://example.com", "example.com", false},
		{"http://shop.example.com", "shop.example.com", false},
		{"https://shop.example.com.evil.com", "shop.example.com.evil.com", false},
		{"hexclave-mobile-oauth-url://x", "x", false},
		// The host of the page is the relying party, not the domain above it.
		{"https://shop.example.com", "example.com", false},
		{"", "", false},
	} {
		d := newDevice()
		d.page = virtualwebauthn.RelyingParty{ID: tt.party, Origin: tt.origin}
		begun := h.beginRegistration(userID)
		_, err := h.RegisterPasskey(h.as(principal.AccessClient, userID), begun.Code, d.create(t, begun))
		if tt.good && err != nil || !tt.good && !apierr.HasCode(err, apierr.CodePasskeyRegistrationFailed) {
			t.Errorf("registration at %q for %q: %v", tt.origin, tt.party, err)
		}
		if !tt.good {
			// Registered at a good page, and used at this one.
			d.page = virtualwebauthn.RelyingParty{ID: "localhost", Origin: "http://localhost:3000"}
			h.registerPasskey(userID, d)
			d.page = virtualwebauthn.RelyingParty{ID: tt.party, Origin: tt.origin}
		}
		_, err = h.signInWithPasskey(d)
		if tt.good && err != nil || !tt.good && !apierr.HasCode(err, apierr.CodePasskeyAuthenticationFailed) {
			t.Errorf("sign-in at %q for %q: %v", tt.origin, tt.party, err)
		}
	}
}

func TestSignInWithPasskey_forged_isRefused(t *testing.T) {
	h := newPasskeyHarness(t)
	userID := h.signUp("ada@example.com")
	d := newDevice()
	h.registerPasskey(userID, d)
	refused := func(name string, response func(begun *app.PasskeyCeremony) json.RawMessage) {
		t.Helper()
		begun := h.beginPasskeySignIn()
		_, err := h.SignInWithPasskey(h.client(), begun.Code, response(begun))
		known, ok := errors.AsType[*apierr.Error](err)
		if !ok || known.Code != apierr.CodePasskeyAuthenticationFailed || known.Details["message"] == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused("another key", func(begun *app.PasskeyCeremony) json.RawMessage {
		other := newDevice()
		other.passkey.ID = d.passkey.ID
		return other.get(t, begun)
	})
	refused("another challenge", func(*app.PasskeyCeremony) json.RawMessage { return d.get(t, h.beginPasskeySignIn()) })
	refused("a registration", func(begun *app.PasskeyCeremony) json.RawMessage { return d.create(t, begun) })
	refused("nobody there", func(begun *app.PasskeyCeremony) json.RawMessage {
		absent := *d
		absent.authenticator.Options.UserNotPresent = true
		return absent.get(t, begun)
	})
	for _, text := range []string{``, `null`, `[]`, `{}`, `{"id": 1}`, `{"id":"!","rawId":"!"}`, `{"id":"YQ","rawId":"Yg","type":"public-key"}`} {
		refused(text, func(*app.PasskeyCeremony) json.RawMessage { return json.RawMessage(text) })
	}
	// Each field broken on its own, in every way that a client might.
	for _, path := range []string{"id", "rawId", "type", "response", "clientDataJSON", "authenticatorData", "signature"} {
		for _, value := range []any{nil, 1, "", "!!", "AAAA", []any{}, map[string]any{}} {
			refused(path, func(begun *app.PasskeyCeremony) json.RawMessage {
				var object map[string]any
				if err := json.Unmarshal(d.get(t, begun), &object); err != nil {
					t.Fatal(err)
				}
				holder := object
				if _, ok := object[path]; !ok {
					holder = object["response"].(map[string]any)
				}
				holder[path] = value
				text, err := json.Marshal(object)
				if err != nil {
					t.Fatal(err)
				}
				return text
			})
		}
	}
	if len(h.sessions.opened) != 0 {
		t.Errorf("opened %+v", h.sessions.opened)
	}
}

func TestSignInWithPasskey_otherProject_isUnknown(t *testing.T) {
	h := newPasskeyHarness(t)
	d := newDevice()
	h.registerPasskey(h.signUp("ada@example.com"), d)
	h.exec(`INSERT INTO projects (id, display_name) VALUES ('6ba7b810-9dad-41d1-80b4-00c04fd430c8', 'Other')`)
	begun := h.beginPasskeySignIn()
	h.tenant.ProjectID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
	_, err := h.SignInWithPasskey(h.client(), begun.Code, d.get(t, begun))
	wantError(t, err, apierr.VerificationCodeNotFound())
	_, err = h.signInWithPasskey(d)
	wantError(t, err, apierr.PasskeyAuthenticationFailed(""))
}

// An authenticator's counter that does not grow gives a copy away.
func TestSignInWithPasskey_counter_mustGrow(t *testing.T) {
	h := newPasskeyHarness(t)
	d := newDevice()
	d.passkey.Counter = 5
	h.registerPasskey(h.signUp("ada@example.com"), d)
	for _, tt := range []struct {
		count uint32
		good  bool
	}{{5, false}, {6, true}, {6, false}, {4_000_000_000, true}, {7, false}, {0, false}} {
		d.passkey.Counter = tt.count
		_, err := h.signInWithPasskey(d)
		if tt.good && err != nil || !tt.good && !apierr.HasCode(err, apierr.CodePasskeyAuthenticationFailed) {
			t.Errorf("count %d: %v", tt.count, err)
		}
	}
}

// Clients spell binary fields in four ways.
func TestPasskey_spellings_areAllUnderstood(t *testing.T) {
	h := newPasskeyHarness(t)
	userID := h.signUp("ada@example.com")
	respell := func(text json.RawMessage, encoding *base64.Encoding) json.RawMessage {
		var object map[string]any
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		for _, holder := range []map[string]any{object, object["response"].(map[string]any)} {
			for name, value := range holder {
				if value, ok := value.(string); ok && name != "type" {
					decoded, err := base64.RawURLEncoding.DecodeString(value)
					if err != nil {
						t.Fatal(err)
					}
					holder[name] = encoding.EncodeToString(decoded)
				}
			}
		}
		respelled, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		return respelled
	}
	for _, encoding := range []*base64.Encoding{base64.RawURLEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.StdEncoding} {
		for _, kind := range []virtualwebauthn.KeyType{virtualwebauthn.KeyTypeEC2, virtualwebauthn.KeyTypeRSA} {
			d := newDevice()
			if kind != virtualwebauthn.KeyTypeEC2 {
				d.passkey = virtualwebauthn.NewCredential(kind)
			}
			begun := h.beginRegistration(userID)
			if _, err := h.RegisterPasskey(h.as(principal.AccessClient, userID), begun.Code, respell(d.create(t, begun), encoding)); err != nil {
				t.Fatal(err)
			}
			begun = h.beginPasskeySignIn()
			if _, err := h.SignInWithPasskey(h.client(), begun.Code, respell(d.get(t, begun), encoding)); err != nil {
				t.Error(err)
			}
		}
	}
}

// The browser may call a new credential what it likes: the attested id counts.
func TestRegisterPasskey_reportedID_isNotTheAttestedOne(t *testing.T) {
	h := newPasskeyHarness(t)
	userID := h.signUp("ada@example.com")
	d := newDevice()
	begun := h.beginRegistration(userID)
	reported := base64.RawURLEncoding.EncodeToString([]byte("another"))
	response := strings.ReplaceAll(string(d.create(t, begun)), d.id(), reported)
	credentialID, err := h.RegisterPasskey(h.as(principal.AccessClient, userID), begun.Code, json.RawMessage(response))
	if err != nil || credentialID != d.id() {
		t.Errorf("registered %q, %v", credentialID, err)
	}
	if _, err := h.signInWithPasskey(d); err != nil {
		t.Error(err)
	}
}

// R10: one challenge signs in once.
func TestSignInWithPasskey_inParallel_succeedsOnce(t *testing.T) {
	h := newPasskeyHarness(t)
	d := newDevice()
	h.registerPasskey(h.signUp("ada@example.com"), d)
	begun := h.beginPasskeySignIn()
	response := d.get(t, begun)
	var signedIn atomic.Int32
	var wait sync.WaitGroup
	// Twenty attempts are what a code allows.
	for range 20 {
		wait.Go(func() {
			_, err := h.SignInWithPasskey(h.client(), begun.Code, response)
			switch {
			case err == nil:
				signedIn.Add(1)
			case !apierr.HasCode(err, apierr.CodeVerificationCodeAlreadyUsed):
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if signedIn.Load() != 1 || len(h.sessions.opened) != 1 {
		t.Errorf("signed in %d times", signedIn.Load())
	}
}

func TestPasskeys_oneConnection_isEnough(t *testing.T) {
	h := newPasskeyHarness(t)
	userID := h.signUp("ada@example.com")
	h.useDB(pgtest.Open(t, h.url, 1))
	d := newDevice()
	h.registerPasskey(userID, d)
	ctx, statements := pg.CountQueries(h.client())
	begun := h.beginPasskeySignIn()
	if _, err := h.SignInWithPasskey(ctx, begun.Code, d.get(t, begun)); err != nil {
		t.Fatal(err)
	}
	if n := statements.Load(); n > 9 {
		t.Errorf("%d statements", n)
	}
	if len(h.sessions.opened) != 1 {
		t.Errorf("opened %+v", h.sessions.opened)
	}
}
