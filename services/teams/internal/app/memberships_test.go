package app_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/services/teams/internal/app"
)

func TestCreateTeamMembership_grantsDefaultsAndTells(t *testing.T) {
	f := newFixture(t)
	teamID := f.team(f.user("Ada"))
	grace := f.user("Grace")
	if err := f.CreateTeamMembership(f.server(), teamID, grace); err != nil {
		t.Fatal(err)
	}
	events := f.events()
	if facts(events) != "membership.created team_permission.created" {
		t.Fatalf("events %s", facts(events))
	}
	joined, granted := events[0].GetTeamMembershipCreated(), events[1].GetTeamPermissionCreated()
	if joined.GetTeamId() != teamID || joined.GetUserId() != grace ||
		granted.GetId() != "team_member" || granted.GetTeamId() != teamID || granted.GetUserId() != grace {
		t.Errorf("events %v", events)
	}
	wantError(t, f.CreateTeamMembership(f.server(), teamID, grace), apierr.TeamMembershipAlreadyExists())
	wantError(t, f.CreateTeamMembership(f.server(), ids.NewUUID(), grace), apierr.TeamNotFound(""))
	wantError(t, f.CreateTeamMembership(f.server(), ids.NewUUID(), ids.NewUUID()), apierr.UserNotFound())
	if got := f.events(); len(got) != 0 {
		t.Errorf("events %s", facts(got))
	}
}

// R15. Without the primary key there are many memberships, without the lock on
// the user a deleted one may stay.
func TestCreateTeamMembership_parallel_createsOne(t *testing.T) {
	f := newFixture(t)
	teamID := f.team(f.user("Ada"))
	grace := f.user("Grace")
	var created atomic.Int32
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			err := persist(func() error { return f.CreateTeamMembership(f.server(), teamID, grace) })
			switch {
			case err == nil:
				created.Add(1)
			case !errors.Is(err, apierr.TeamMembershipAlreadyExists()):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := f.count(`SELECT count(*) FROM team_memberships WHERE user_id = $1`, grace); n != 1 || created.Load() != 1 {
		t.Errorf("%d memberships, %d of 64 created one", n, created.Load())
	}
	if got := facts(f.events()); got != "membership.created team_permission.created" {
		t.Errorf("events %s", got)
	}
}

func TestDeleteTeamMembership_leaving_needsNothing(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	if err := f.DeleteTeamMembership(f.client(ada), teamID, ada); err != nil {
		t.Fatal(err)
	}
	if got := facts(f.events()); got != "membership.deleted" {
		t.Errorf("events %s", got)
	}
	if n := f.count(`SELECT count(*) FROM team_permissions`); n != 0 {
		t.Errorf("%d permissions are left", n)
	}
	wantError(t, f.DeleteTeamMembership(f.client(ada), teamID, ada), apierr.TeamMembershipNotFound("", ""))
}

func TestDeleteTeamMembership_others_needPermission(t *testing.T) {
	f := newFixture(t)
	ada, stranger, gone := f.user("Ada"), f.user("Stranger"), f.user("Gone")
	teamID := f.team(ada)
	grace := f.join(teamID)
	if _, err := f.RemoveUser(t.Context(), tenant, gone); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		caller, target string
		want           *apierr.Error
	}{
		"signed out":             {"", ada, apierr.CannotGetOwnUserWithoutUser()},
		"deleted":                {gone, ada, apierr.CannotGetOwnUserWithoutUser()},
		"stranger":               {stranger, ada, apierr.TeamMembershipNotFound("", "")},
		"without permission":     {grace, ada, apierr.TeamPermissionRequired("", "", "")},
		"target is no member":    {ada, stranger, apierr.TeamMembershipNotFound("", "")},
		"target does not exist":  {ada, ids.NewUUID(), apierr.TeamMembershipNotFound("", "")},
		"stranger removes a non": {stranger, ids.NewUUID(), apierr.TeamMembershipNotFound("", "")},
	} {
		if err := f.DeleteTeamMembership(f.client(tt.caller), teamID, tt.target); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	f.events()
	if err := f.DeleteTeamMembership(f.client(ada), teamID, grace); err != nil {
		t.Error(err)
	}
	wantError(t, f.DeleteTeamMembership(f.server(), teamID, grace), apierr.TeamMembershipNotFound("", ""))
	wantError(t, f.DeleteTeamMembership(f.server(), teamID, ids.NewUUID()), apierr.UserNotFound())
	if got := facts(f.events()); got != "membership.deleted" {
		t.Errorf("events %s", got)
	}
}

func TestMemberProfiles_overrides_areByField(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	read := func() *app.MemberProfile {
		t.Helper()
		profile, err := f.GetTeamMemberProfile(f.client(ada), teamID, ada)
		if err != nil {
			t.Fatal(err)
		}
		return profile
	}
	if got := read(); *got.Name() != "Ada" || got.Picture() != nil {
		t.Errorf("profile %+v", got)
	}
	for _, step := range []struct {
		fields        app.MemberProfilePatch
		name, picture string
	}{
		{app.MemberProfilePatch{ProfileImageURL: patch.Value("https://example.com/a.png")}, "Ada", "https://example.com/a.png"},
		{app.MemberProfilePatch{DisplayName: patch.Value("")}, "", "https://example.com/a.png"},
		{app.MemberProfilePatch{DisplayName: patch.Value("Countess")}, "Countess", "https://example.com/a.png"},
	} {
		got, err := f.UpdateTeamMemberProfile(f.client(ada), teamID, ada, step.fields)
		if err != nil || *got.Name() != step.name || *got.Picture() != step.picture {
			t.Errorf("%+v: %+v, %v", step.fields, got, err)
		}
		if got = read(); *got.Name() != step.name {
			t.Errorf("read again: %+v", got)
		}
	}
	got, err := f.UpdateTeamMemberProfile(f.client(ada), teamID, ada, app.MemberProfilePatch{ProfileImageURL: patch.Value(pixel)})
	if err != nil || !strings.HasPrefix(*got.Picture(), publicURL+"/api/v1/images/team-member-profile-images/") {
		t.Errorf("uploaded: %+v, %v", got, err)
	}
	if got, err = f.UpdateTeamMemberProfile(f.client(ada), teamID, ada, app.MemberProfilePatch{ProfileImageURL: patch.Null[string]()}); err != nil || got.Picture() != nil {
		t.Errorf("null: %+v, %v", got, err)
	}
	if n := f.count(`SELECT count(*) FROM images`); n != 0 {
		t.Errorf("%d images are left", n)
	}
	if got := f.events(); len(got) != 0 {
		t.Errorf("profiles are nobody's business: %s", facts(got))
	}
}

func TestMemberProfiles_errors_areThoseOfTheContract(t *testing.T) {
	f := newFixture(t)
	ada, stranger := f.user("Ada"), f.user("Stranger")
	teamID := f.team(ada)
	grace := f.join(teamID)
	if err := f.RevokeTeamPermission(f.server(), teamID, grace, "team_member"); err != nil {
		t.Fatal(err)
	}
	nobody := ids.NewUUID()

	list := func(ctx ctxType, teamID, userID *string) error {
		_, err := f.ListTeamMemberProfiles(ctx, teamID, userID)
		return err
	}
	wantError(t, list(f.client(""), &teamID, nil), apierr.CannotGetOwnUserWithoutUser())
	wantText(t, list(f.client(ada), nil, nil), http.StatusBadRequest)
	wantError(t, list(f.client(stranger), &teamID, nil), apierr.TeamMembershipNotFound("", ""))
	wantError(t, list(f.client(grace), &teamID, nil), apierr.TeamPermissionRequired("", "", ""))
	wantError(t, list(f.client(grace), &teamID, &ada), apierr.TeamPermissionRequired("", "", ""))
	wantError(t, list(f.server(), &nobody, nil), apierr.TeamNotFound(""))
	wantError(t, list(f.server(), nil, &nobody), apierr.UserNotFound())

	get := func(ctx ctxType, userID string) error {
		_, err := f.GetTeamMemberProfile(ctx, teamID, userID)
		return err
	}
	wantError(t, get(f.client(""), ada), apierr.CannotGetOwnUserWithoutUser())
	wantError(t, get(f.client(grace), ada), apierr.TeamPermissionRequired("", "", ""))
	wantError(t, get(f.client(stranger), stranger), apierr.TeamMembershipNotFound("", ""))
	wantError(t, get(f.client(ada), nobody), apierr.TeamMembershipNotFound("", ""))
	wantError(t, get(f.server(), nobody), apierr.UserNotFound())
	wantError(t, get(f.server(), stranger), apierr.TeamMembershipNotFound("", ""))

	update := func(ctx ctxType, userID string) error {
		_, err := f.UpdateTeamMemberProfile(ctx, teamID, userID, app.MemberProfilePatch{DisplayName: patch.Value("X")})
		return err
	}
	wantError(t, update(f.client(""), ada), apierr.CannotGetOwnUserWithoutUser())
	wantText(t, update(f.client(ada), grace), http.StatusForbidden)
	wantError(t, update(f.client(stranger), stranger), apierr.TeamMembershipNotFound("", ""))
	wantError(t, update(f.server(), nobody), apierr.UserNotFound())
	if err := update(f.server(), grace); err != nil {
		t.Error(err)
	}
}

func TestListTeamMemberProfiles_server_seesUsersAndTheirSelection(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	mine, other := f.team(ada), f.team(f.user("Owner"))
	grace := f.join(mine)
	f.users.users[ada] = withSelection(f.users.users[ada], mine)
	f.users.users[grace] = withSelection(f.users.users[grace], other) // not a member
	ghost := f.join(mine)
	delete(f.users.users, ghost)

	profiles, err := f.ListTeamMemberProfiles(f.server(), &mine, nil)
	if err != nil || len(profiles) != 2 || profiles[0].UserID != ada || profiles[1].UserID != grace {
		t.Fatalf("profiles %+v, %v", profiles, err)
	}
	if profiles[0].SelectedTeam == nil || profiles[0].SelectedTeam.ID != mine || profiles[1].SelectedTeam != nil {
		t.Errorf("selected %+v, %+v", profiles[0].SelectedTeam, profiles[1].SelectedTeam)
	}
	all, err := f.ListTeamMemberProfiles(f.server(), nil, nil)
	if err != nil || len(all) != 3 {
		t.Errorf("%d profiles in the project, %v", len(all), err)
	}
	own, err := f.ListTeamMemberProfiles(f.client(grace), &mine, &grace)
	if err != nil || len(own) != 1 || own[0].SelectedTeam != nil {
		t.Errorf("own %+v, %v", own, err)
	}
	asked := f.users.asked
	if _, err := f.ListTeamMemberProfiles(f.client(ada), &mine, nil); err != nil || f.users.asked != asked+1 {
		t.Errorf("a list asked %d times for its users, %v", f.users.asked-asked, err)
	}
}

func withSelection(user app.User, teamID string) app.User {
	user.SelectedTeamID = &teamID
	return user
}

func TestRemoveUser_member_leavesNothingBehind(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	if err := f.GrantProjectPermission(f.server(), ada, "beta"); err != nil {
		t.Fatal(err)
	}
	f.events()
	left, err := f.RemoveUser(t.Context(), tenant, ada)
	if err != nil || !slices.Equal(left, []string{teamID}) {
		t.Errorf("left %v, %v", left, err)
	}
	if got := facts(f.events()); got != "membership.deleted" {
		t.Errorf("events %s", got)
	}
	if n := f.count(`SELECT (SELECT count(*) FROM team_permissions) + (SELECT count(*) FROM project_permissions)`); n != 0 {
		t.Errorf("%d permissions are left", n)
	}
	delete(f.users.users, ada)
	wantError(t, f.CreateTeamMembership(f.server(), teamID, ada), apierr.UserNotFound())
}
