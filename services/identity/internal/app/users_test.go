package app_test

import (
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
)

// update changes a user through the server API.
func (h *harness) update(userID string, fields app.UserPatch) *app.UserView {
	h.t.Helper()
	user, err := h.UpdateUser(h.server(), userID, fields)
	if err != nil {
		h.t.Fatal(err)
	}
	return user
}

func TestUsers_unknownOrForeign_areNotFound(t *testing.T) {
	h := newHarness(t)
	h.exec(`INSERT INTO projects (id, display_name) VALUES ('other', 'Other')`)
	own := h.create(withEmail("ada@example.com", forAuth)).ID
	foreigner := principal.NewContext(t.Context(), principal.Principal{ProjectID: "other", BranchID: "main", Access: principal.AccessServer})
	branch := principal.NewContext(t.Context(), principal.Principal{ProjectID: "internal", BranchID: "dev", Access: principal.AccessServer})
	team := ids.NewUUID()
	for name, call := range map[string]func() error{
		"get unknown":      func() error { _, err := h.GetUser(h.server(), ids.NewUUID()); return err },
		"get foreign":      func() error { _, err := h.GetUser(foreigner, own); return err },
		"get other branch": func() error { _, err := h.GetUser(branch, own); return err },
		"update unknown":   func() error { _, err := h.UpdateUser(h.server(), ids.NewUUID(), app.UserPatch{}); return err },
		"update foreign":   func() error { _, err := h.UpdateUser(foreigner, own, app.UserPatch{}); return err },
		"unknown before team": func() error {
			_, err := h.UpdateUser(foreigner, own, app.UserPatch{SelectedTeamID: patch.Value(team)})
			return err
		},
		"delete unknown": func() error { return h.DeleteUser(h.server(), ids.NewUUID()) },
		"delete foreign": func() error { return h.DeleteUser(foreigner, own) },
	} {
		t.Run(name, func(t *testing.T) { wantError(t, call(), apierr.UserNotFound()) })
	}
	if got, err := h.GetUser(h.server(), own); err != nil || got.ID != own || got.Version != 1 {
		t.Errorf("afterwards %+v, %v", got, err)
	}
	// The same address signs somebody else in elsewhere.
	if _, err := h.CreateUser(foreigner, app.UserCreation{UserPatch: withEmail("ada@example.com", forAuth)}); err != nil {
		t.Error(err)
	}
}

func TestUpdateUser_password_endsAllSessions(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.update(userID, app.UserPatch{DisplayName: patch.Value("Ada")})
	if len(h.sessions.revoked) != 0 {
		t.Errorf("revoked %v", h.sessions.revoked)
	}
	h.events()
	h.update(userID, app.UserPatch{PasswordHash: patch.Value(bcryptHash)})
	if len(h.sessions.revoked) != 1 || h.sessions.revoked[0] != (revocation{userID, "", app.ReasonPasswordChanged}) {
		t.Errorf("revoked %v", h.sessions.revoked)
	}
	if got := facts(h.events()); got != "user.updated user.password_changed" {
		t.Errorf("events %s", got)
	}
}

func TestDeleteUser_known_isForgottenEverywhere(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	if err := h.DeleteUser(h.server(), userID); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.DeleteUser(h.server(), userID), apierr.UserNotFound())
	if got := facts(h.events()); got != "user.deleted" {
		t.Errorf("events %s", got)
	}
	if len(h.sessions.revoked) != 1 || len(h.teams.removed) != 1 {
		t.Errorf("revoked %v, removed %v", h.sessions.revoked, h.teams.removed)
	}
	if n := h.count(`SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM contact_channels) + (SELECT count(*) FROM passwords)`); n != 0 {
		t.Errorf("%d rows stay", n)
	}
}
