package app_test

import (
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

func TestGetCurrentUser_anyUser_costsOneStatement(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.exec(`INSERT INTO oauth_accounts (project_id, branch_id, user_id, id, provider_config_id, provider_account_id, email)
		VALUES ('internal', 'main', $1, gen_random_uuid(), 'google', '17', NULL), ('internal', 'main', $1, gen_random_uuid(), 'github', '18', 'ada@example.org')`, userID)

	ctx, statements := pg.CountQueries(h.as(principal.AccessClient, userID))
	user, err := h.GetCurrentUser(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n := statements.Load(); n != 1 {
		t.Errorf("%d statements, want 1", n)
	}
	if user.ID != userID || *user.PrimaryEmail != (domain.PrimaryEmail{Value: "ada@example.com", UsedForAuth: true}) || !user.HasPassword {
		t.Errorf("got %+v", user)
	}
	if len(user.OAuthAccounts) != 2 || user.OAuthAccounts[0].AccountID == "" {
		t.Errorf("accounts %+v", user.OAuthAccounts)
	}
	if user.SignedUpAt.IsZero() || user.LastActiveAt.IsZero() || user.Version != 1 {
		t.Errorf("signed up %v, active %v, version %d", user.SignedUpAt, user.LastActiveAt, user.Version)
	}
}

func TestGetCurrentUser_selectedTeam_isReadFromTeams(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	mine := team("Mine")
	h.teams.members[mine.ID] = mine
	h.patch(userID, app.UserPatch{SelectedTeamID: patch.Value(mine.ID)})

	ctx, statements := pg.CountQueries(h.as(principal.AccessClient, userID))
	user, err := h.GetCurrentUser(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if user.SelectedTeam == nil || user.SelectedTeam.DisplayName != "Mine" || *user.SelectedTeamID != mine.ID || statements.Load() != 1 {
		t.Errorf("got %+v", user)
	}

	// A team that was left is not shown, even before the event of it arrives.
	delete(h.teams.members, mine.ID)
	if user = h.me(userID); user.SelectedTeam != nil || user.SelectedTeamID != nil {
		t.Errorf("still selects %v", user.SelectedTeam)
	}

	h.teams.err = apierr.Unavailable(1)
	_, err = h.GetCurrentUser(h.as(principal.AccessClient, userID))
	wantError(t, err, apierr.Unavailable(1))
}

func TestGetCurrentUser_nobody_isRefused(t *testing.T) {
	h := newHarness(t)
	deleted := h.signUp("ada@example.com")
	if err := h.deleteUser(deleted); err != nil {
		t.Fatal(err)
	}
	for name, userID := range map[string]string{"no user": "", "deleted": deleted, "other": ids.NewUUID()} {
		ctx := h.client()
		if userID != "" {
			ctx = h.as(principal.AccessServer, userID)
		}
		if _, err := h.GetCurrentUser(ctx); !apierr.HasCode(err, apierr.CodeCannotGetOwnUserWithoutUser) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGetCurrentUser_otherTenant_isNobody(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	for _, change := range []func(*principal.Principal){
		func(p *principal.Principal) { p.ProjectID = ids.NewUUID() },
		func(p *principal.Principal) { p.BranchID = "other" },
	} {
		_, err := h.GetCurrentUser(h.as(principal.AccessServer, userID, change))
		wantError(t, err, apierr.CannotGetOwnUserWithoutUser())
	}
}

func TestGetCurrentUser_configChange_restrictsAtOnce(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	if got := h.me(userID).RestrictedReason; got != "" {
		t.Errorf("restricted: %s", got)
	}
	h.config.Onboarding.RequireEmailVerification = true
	if got := h.me(userID).RestrictedReason; got != domain.RestrictedEmailNotVerified {
		t.Errorf("reason %q", got)
	}
	if got := h.me(h.signUpAnonymously()).RestrictedReason; got != domain.RestrictedAnonymous {
		t.Errorf("reason %q", got)
	}
}

func (h *harness) deleteUser(userID string) error {
	err := h.DeleteCurrentUser(h.as(principal.AccessServer, userID))
	h.events()
	return err
}
