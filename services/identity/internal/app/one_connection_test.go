package app_test

import (
	"testing"

	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
)

// R38. A use case that asks for a second connection while it holds one waits
// for itself.
func TestUseCases_oneConnection_suffices(t *testing.T) {
	h := newHarness(t)
	h.useDB(pgtest.Open(t, h.url, 1))
	h.config.Teams.CreatePersonalTeamOnSignUp = true
	userID := h.signUpAnonymously()
	if _, err := h.SignUpWithPassword(h.as(principal.AccessClient, userID, anonymous), app.PasswordSignUp{
		Email: "ada@example.com", Password: password, VerificationCallbackURL: callback,
	}); err != nil {
		t.Fatal(err)
	}
	if err := h.VerifyContactChannel(h.client(), code(t, h.mail())); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SignInWithPassword(h.client(), "ada@example.com", password); err != nil {
		t.Fatal(err)
	}
	h.patch(userID, app.UserPatch{DisplayName: patch.Value("Ada"), ProfileImageURL: patch.Value(gif)})
	if err := h.UpdatePassword(h.as(principal.AccessClient, userID), app.PasswordUpdate{Old: password, New: "another password"}); err != nil {
		t.Fatal(err)
	}
	h.patch(userID, app.UserPatch{TOTPSecret: patch.Value([]byte("key"))})
	if _, err := h.SignInWithPassword(h.client(), "ada@example.com", "another password"); err == nil {
		t.Error("no second factor asked for")
	}
	if err := h.deleteUser(userID); err != nil {
		t.Fatal(err)
	}
}
