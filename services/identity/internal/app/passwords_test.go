package app_test

import (
	"context"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
)

func (h *harness) passwordHash(userID string) (hash string) {
	h.t.Helper()
	ctx := context.Background()
	if err := h.db.Querier(ctx).QueryRow(ctx, `SELECT hash FROM passwords WHERE user_id = $1`, userID).Scan(&hash); err != nil {
		h.t.Fatal(err)
	}
	return hash
}

func TestSetPassword_userWithout_getsOneAndKeepsSessions(t *testing.T) {
	h := newHarness(t)
	userID := h.signUpAnonymously()
	if err := h.SetPassword(h.as(principal.AccessClient, userID), password); err != nil {
		t.Fatal(err)
	}
	if !h.me(userID).HasPassword || len(h.sessions.revoked) != 0 {
		t.Errorf("revoked %+v", h.sessions.revoked)
	}
	events := h.events()
	if facts(events) != "user.password_changed" || events[0].GetPasswordChanged().GetRevokesSessions() {
		t.Errorf("events %v", events)
	}
	if err := h.SetPassword(h.as(principal.AccessClient, userID), password); err == nil || err.Error() != "400: The user already has a password." {
		t.Errorf("second password: %v", err)
	}
}

func TestSetPassword_checks_comeInOrder(t *testing.T) {
	h := newHarness(t)
	userID := h.signUpAnonymously()
	h.config.Auth.Password.AllowSignIn = false
	wantError(t, h.SetPassword(h.client(), "short"), apierr.SchemaError())
	wantError(t, h.SetPassword(h.as(principal.AccessClient, ids.NewUUID()), "short"), apierr.SchemaError())
	wantError(t, h.SetPassword(h.as(principal.AccessClient, userID), "short"), apierr.PasswordAuthenticationNotEnabled())
	h.config.Auth.Password.AllowSignIn = true
	wantError(t, h.SetPassword(h.as(principal.AccessClient, userID), "short"), apierr.PasswordTooShort(8))
}

func TestUpdatePassword_rightOldOne_endsOtherSessions(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.sessions.sessions = map[secret.Secret]string{"mine": "session-1"}
	err := h.UpdatePassword(h.as(principal.AccessClient, userID), app.PasswordUpdate{Old: password, New: "another password", RefreshToken: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	if want := (revocation{userID, "session-1", app.ReasonPasswordChanged}); len(h.sessions.revoked) != 1 || h.sessions.revoked[0] != want {
		t.Errorf("revoked %+v", h.sessions.revoked)
	}
	events := h.events()
	if facts(events) != "user.password_changed" {
		t.Fatalf("events %s", facts(events))
	}
	if changed := events[0].GetPasswordChanged(); !changed.GetRevokesSessions() || changed.GetKeptSessionId() != "session-1" {
		t.Errorf("event %v", changed)
	}
	if _, err := h.SignInWithPassword(h.client(), "ada@example.com", password); !apierr.HasCode(err, apierr.CodeEmailPasswordMismatch) {
		t.Errorf("old password: %v", err)
	}
	if _, err := h.SignInWithPassword(h.client(), "ada@example.com", "another password"); err != nil {
		t.Errorf("new password: %v", err)
	}
}

func TestUpdatePassword_noOrUnknownRefreshToken_endsAllSessions(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	old := password
	for _, token := range []secret.Secret{"", "unknown"} {
		if err := h.UpdatePassword(h.as(principal.AccessClient, userID), app.PasswordUpdate{Old: old, New: "password no " + token, RefreshToken: token}); err != nil {
			t.Fatal(err)
		}
		old = "password no " + token
	}
	for _, got := range h.sessions.revoked {
		if got.kept != "" {
			t.Errorf("kept %q", got.kept)
		}
	}
	if len(h.sessions.revoked) != 2 {
		t.Errorf("revoked %+v", h.sessions.revoked)
	}
}

func TestUpdatePassword_checks_comeInOrder(t *testing.T) {
	h := newHarness(t)
	without := h.signUpAnonymously()
	userID := h.signUp("ada@example.com")
	update := func(userID string, from, to secret.Secret) error {
		ctx := h.client()
		if userID != "" {
			ctx = h.as(principal.AccessClient, userID)
		}
		return h.UpdatePassword(ctx, app.PasswordUpdate{Old: from, New: to})
	}
	h.config.Auth.Password.AllowSignIn = false
	wantError(t, update("", password, "short"), apierr.SchemaError())
	wantError(t, update(without, password, "short"), apierr.PasswordAuthenticationNotEnabled())
	h.config.Auth.Password.AllowSignIn = true
	wantError(t, update(without, password, "short"), apierr.PasswordTooShort(8))
	wantError(t, update(without, password, "long enough"), apierr.UserDoesNotHavePassword())
	wantError(t, update(userID, "wrong", "long enough"), apierr.PasswordConfirmationMismatch())
	if len(h.sessions.revoked) != 0 || facts(h.events()) != "" {
		t.Error("a refused change had an effect")
	}
}

// Without the guard in ReplacePassword both changes succeed.
func TestUpdatePassword_replacedMeanwhile_isRefused(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.hasher.verifying = func() {
		h.exec(`UPDATE passwords SET hash = 'hash of other', changed_at = now() + interval '1 microsecond' WHERE user_id = $1`, userID)
	}
	err := h.UpdatePassword(h.as(principal.AccessClient, userID), app.PasswordUpdate{Old: password, New: "another password"})
	wantError(t, err, apierr.PasswordConfirmationMismatch())
	if got := h.passwordHash(userID); got != "hash of other" {
		t.Errorf("hash %q", got)
	}
}

func TestUpdatePassword_sessionsDown_failsAndTheEventEnsures(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.sessions.err = apierr.Unavailable(time.Second)
	err := h.UpdatePassword(h.as(principal.AccessClient, userID), app.PasswordUpdate{Old: password, New: "another password"})
	wantError(t, err, apierr.Unavailable(time.Second))
	if got := facts(h.events()); got != "user.password_changed" {
		t.Errorf("events %s", got)
	}
}

func TestUpdateCurrentUser_password_setsReplacesAndRemoves(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	for _, step := range []struct {
		fields app.UserPatch
		want   bool
	}{
		{app.UserPatch{Password: patch.Value[secret.Secret]("x")}, true},
		{app.UserPatch{Password: patch.Null[secret.Secret]()}, false},
		{app.UserPatch{Password: patch.Value[secret.Secret]("")}, true},
	} {
		h.sessions.reset()
		if user := h.patch(userID, step.fields); user.HasPassword != step.want {
			t.Errorf("has password: %v, want %v", user.HasPassword, step.want)
		}
		if want := (revocation{userID, "", app.ReasonPasswordChanged}); len(h.sessions.revoked) != 1 || h.sessions.revoked[0] != want {
			t.Errorf("revoked %+v", h.sessions.revoked)
		}
		if got := facts(h.events()); got != "user.updated user.password_changed" {
			t.Errorf("events %s", got)
		}
	}
	if _, err := h.SignInWithPassword(h.client(), "ada@example.com", ""); err != nil {
		t.Errorf("the server may set any password: %v", err)
	}
}
