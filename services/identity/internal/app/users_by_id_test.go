package app_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

func TestListUsersByID_known_areShownAsServersSeeThem(t *testing.T) {
	h := newHarness(t)
	h.config.Onboarding.RequireEmailVerification = true
	ada, grace := h.signUp("ada@example.com"), h.signUp("grace@example.com")
	mine := team("Mine")
	h.teams.members[mine.ID] = mine
	h.patch(ada, app.UserPatch{SelectedTeamID: patch.Value(mine.ID)})
	users, err := h.ListUsersByID(t.Context(), h.tenant, []string{ada, grace, ids.NewUUID()})
	if err != nil || len(users) != 2 {
		t.Fatalf("%v, %v", users, err)
	}
	i := slices.IndexFunc(users, func(user app.UserView) bool { return user.ID == ada })
	if i < 0 || *users[i].SelectedTeamID != mine.ID || users[i].SelectedTeam != nil || users[i].RestrictedReason != domain.RestrictedEmailNotVerified {
		t.Errorf("%+v", users)
	}
	if users, err = h.ListUsersByID(t.Context(), ids.Tenant{ProjectID: "other", BranchID: "main"}, []string{ada}); err != nil || len(users) != 0 {
		t.Errorf("another project sees %v, %v", users, err)
	}
	if users, err = h.ListUsersByID(t.Context(), h.tenant, nil); err != nil || users != nil {
		t.Errorf("nobody: %v, %v", users, err)
	}
}

func TestListVerifiedEmails_unverified_areLeftOut(t *testing.T) {
	h := newHarness(t)
	ada, grace := h.signUp("ada@example.com"), h.signUp("grace@example.com")
	h.exec(`UPDATE contact_channels SET is_verified = true WHERE user_id = $1`, ada)
	emails, err := h.ListVerifiedEmails(t.Context(), h.tenant, []string{ada, grace})
	if err != nil || len(emails) != 1 || !slices.Equal(emails[ada], []string{"ada@example.com"}) {
		t.Errorf("%v, %v", emails, err)
	}
	if emails, err = h.ListVerifiedEmails(t.Context(), ids.Tenant{ProjectID: "other", BranchID: "main"}, []string{ada}); err != nil || len(emails) != 0 {
		t.Errorf("another project sees %v, %v", emails, err)
	}
}

// Definitions are written for the version they were made from alone: of two that
// were made from the same, one is refused.
func TestReplacePermissions_sameVersion_oneIsWritten(t *testing.T) {
	h := newHarness(t)
	h.App = app.New(h.deps(func(d *app.Deps) { d.Announce = func(string) {} }))
	h.exec(`UPDATE projects SET version = 5`)
	var mu sync.Mutex
	written := 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			version, replaced, err := h.ReplacePermissions(t.Context(), h.tenant, app.Permissions{
				ExpectedVersion: 5, Definitions: json.RawMessage(`{"crew":{"scope":"team"}}`), EndedID: "team_member", RenamedID: "crew",
			})
			if err != nil || version != 6 {
				t.Errorf("version %d, %v", version, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if replaced {
				written++
			}
		})
	}
	all.Wait()
	events := h.events()
	if written != 1 || facts(events) != "project.config_changed" {
		t.Fatalf("%d written, events %s", written, facts(events))
	}
	if changed := events[0].GetProjectConfigChanged(); changed.GetEndedPermissionId() != "team_member" || changed.GetRenamedPermissionId() != "crew" ||
		changed.GetVersion() != 6 || events[0].GetBranchId() != "main" {
		t.Errorf("event %v", events[0])
	}
	if n := h.count(`SELECT count(*) FROM config_overrides WHERE document::text LIKE '%"rbac.permissions": {"crew"%' OR document::text LIKE '%"rbac.permissions":{"crew"%'`); n != 1 {
		t.Errorf("%d overrides hold the definitions", n)
	}
	_, _, err := h.ReplacePermissions(t.Context(), h.tenant, app.Permissions{ExpectedVersion: 6, Definitions: json.RawMessage(`{"Bad id":{}}`)})
	if err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("a definition that is no configuration: %v", err)
	}
	_, _, err = h.ReplacePermissions(t.Context(), ids.Tenant{ProjectID: "other", BranchID: "main"}, app.Permissions{Definitions: json.RawMessage(`{}`)})
	wantError(t, err, apierr.CurrentProjectNotFound(""))
}

func TestForgetTeam_members_selectItNoMore(t *testing.T) {
	h := newHarness(t)
	ada := h.signUp("ada@example.com")
	mine := team("Mine")
	h.teams.members[mine.ID] = mine
	h.patch(ada, app.UserPatch{SelectedTeamID: patch.Value(mine.ID)})
	if err := h.ForgetTeam(t.Context(), h.tenant, mine.ID, []string{ids.NewUUID(), ada}); err != nil {
		t.Fatal(err)
	}
	if n := h.count(`SELECT count(*) FROM users WHERE selected_team_id IS NOT NULL`); n != 0 {
		t.Errorf("%d users select a deleted team", n)
	}
}
