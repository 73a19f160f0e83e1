package app_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
)

func TestSignInWithPassword_rightPassword_opensSessionInTwoStatements(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.exec(`UPDATE user_activity SET last_active_at = now() - interval '1 day'`)
	ctx, statements := pg.CountQueries(h.client())
	signedIn, err := h.SignInWithPassword(ctx, "ADA@example.com", password)
	if err != nil {
		t.Fatal(err)
	}
	if signedIn.UserID != userID || signedIn.Tokens.AccessToken != "access" || len(h.sessions.opened) != 1 {
		t.Errorf("got %+v", signedIn)
	}
	if n := statements.Load(); n != 2 {
		t.Errorf("%d statements, want 2", n)
	}
	if active := h.me(userID).LastActiveAt; time.Since(active) > time.Hour {
		t.Errorf("last active %v", active)
	}
	if got := facts(h.events()); got != "" {
		t.Errorf("events %s", got)
	}
}

func TestSignInWithPassword_anythingWrong_looksAndCostsTheSame(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	noPassword := h.signUp("none@example.com")
	h.patch(noPassword, app.UserPatch{Password: patch.Null[secret.Secret]()})
	other := h.signUp("old@example.com")
	h.patch(other, app.UserPatch{PrimaryEmailAuthEnabled: patch.Value(false)})
	for name, try := range map[string]struct {
		email    string
		password secret.Secret
	}{
		"unknown address":              {"eve@example.com", password},
		"no password":                  {"none@example.com", password},
		"wrong password":               {"ada@example.com", password + "!"},
		"address not used for sign-in": {"old@example.com", password},
	} {
		h.hasher.worked = 0
		ctx, statements := pg.CountQueries(h.client())
		_, err := h.SignInWithPassword(ctx, try.email, try.password)
		if !apierr.HasCode(err, apierr.CodeEmailPasswordMismatch) {
			t.Errorf("%s: %v", name, err)
		}
		if h.hasher.worked != 1 || statements.Load() != 1 {
			t.Errorf("%s: %d hashes, %d statements, want one of each", name, h.hasher.worked, statements.Load())
		}
	}
	if len(h.sessions.opened) != 0 {
		t.Errorf("opened %+v", h.sessions.opened)
	}
}

func TestSignInWithPassword_twoSpellingsStored_theTypedOneWins(t *testing.T) {
	h := newHarness(t)
	lower := h.signUp("ada@example.com")
	typed := h.signUp("other@example.com")
	// Data from before addresses were normalised.
	h.exec(`UPDATE contact_channels SET value = 'Ada@example.com' WHERE user_id = $1`, typed)
	for email, want := range map[string]string{"Ada@example.com": typed, "ada@example.com": lower, "ADA@example.com": lower} {
		signedIn, err := h.SignInWithPassword(h.client(), email, password)
		if err != nil || signedIn.UserID != want {
			t.Errorf("%s: %+v, %v", email, signedIn, err)
		}
	}
}

func TestSignInWithPassword_disabled_isRefusedBeforeAnyWork(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	h.config.Auth.Password.AllowSignIn = false
	h.hasher.worked = 0
	_, err := h.SignInWithPassword(h.client(), "ada@example.com", password)
	wantError(t, err, apierr.PasswordAuthenticationNotEnabled())
	if h.hasher.worked != 0 {
		t.Error("a password was hashed")
	}
}

func TestSignInWithPassword_secondFactor_isAskedFor(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.patch(userID, app.UserPatch{TOTPSecret: patch.Value([]byte("key"))})
	before := h.me(userID).LastActiveAt
	_, err := h.SignInWithPassword(h.client(), "ada@example.com", password)
	known, ok := errors.AsType[*apierr.Error](err)
	if !ok || known.Code != apierr.CodeMultiFactorAuthenticationRequired || len(known.Details["attempt_code"].(string)) != ids.SecretLength {
		t.Fatalf("error %v", err)
	}
	if len(h.sessions.opened) != 0 || !h.me(userID).LastActiveAt.Equal(before) {
		t.Error("signed in by one factor")
	}
}

// Without the guard in RecordSignIn a session of the old password survives.
func TestSignInWithPassword_passwordReplacedMeanwhile_endsTheSession(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.sessions.opening = func() {
		h.exec(`UPDATE passwords SET hash = 'hash of other', changed_at = now() + interval '1 microsecond' WHERE user_id = $1`, userID)
	}
	_, err := h.SignInWithPassword(h.client(), "ada@example.com", password)
	wantError(t, err, apierr.EmailPasswordMismatch())
	if want := (revocation{userID, "", app.ReasonPasswordChanged}); len(h.sessions.revoked) != 1 || h.sessions.revoked[0] != want {
		t.Errorf("revoked %+v", h.sessions.revoked)
	}
}

func TestSignInWithPassword_importedHash_isUpgradedOnce(t *testing.T) {
	h := newHarness(t)
	hashing := app.New(h.deps(func(deps *app.Deps) { deps.Hasher = secret.NewHasher(secret.HasherConfig{}) }))
	imported, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	userID := h.signUp("ada@example.com")
	h.patch(userID, app.UserPatch{PasswordHash: patch.Value(secret.Secret("$2y$" + string(imported[4:])))})

	if _, err := hashing.SignInWithPassword(h.client(), "ada@example.com", password+"!"); !apierr.HasCode(err, apierr.CodeEmailPasswordMismatch) {
		t.Errorf("wrong password: %v", err)
	}
	if !strings.HasPrefix(h.passwordHash(userID), "$2y$") {
		t.Error("upgraded by a wrong password")
	}
	for range 2 {
		if _, err := hashing.SignInWithPassword(h.client(), "ada@example.com", password); err != nil {
			t.Fatal(err)
		}
		if got := h.passwordHash(userID); !strings.HasPrefix(got, "$argon2id$") {
			t.Errorf("hash %.10s", got)
		}
	}
}

func TestSignInWithPassword_otherTenant_isUnknown(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	ctx := principal.NewContext(t.Context(), principal.Principal{ProjectID: ids.NewUUID(), BranchID: "main", Access: principal.AccessClient})
	_, err := h.SignInWithPassword(ctx, "ada@example.com", password)
	wantError(t, err, apierr.EmailPasswordMismatch())
}
