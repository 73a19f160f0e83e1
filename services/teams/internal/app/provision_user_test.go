package app_test

import (
	"slices"
	"strconv"
	"sync"
	"testing"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
)

// The sign-up and the event of the new user ask at the same time.
func TestProvisionUser_parallel_createsOne(t *testing.T) {
	f := newFixture(t)
	user := newUser(tenant, ids.NewUUID(), "Ada's Team")
	user.PermissionIDs = []string{"beta"}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := f.ProvisionUser(t.Context(), user); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := f.teamsOf(user.UserID); len(got) != 1 || got[0] != user.PersonalTeam.TeamID {
		t.Errorf("teams of the user are %v, want %s alone", got, user.PersonalTeam.TeamID)
	}
	if got := f.published(); len(got) != 1 || got[0] != "teams.v1.team.created.p" {
		t.Errorf("published %v, want one team.created", got)
	}
	if n := f.count(`SELECT count(*) FROM project_permissions WHERE user_id = $1 AND permission_id = 'beta'`, user.UserID); n != 1 {
		t.Errorf("%d grants of project scope", n)
	}
}

// The event may come long after the request.
func TestProvisionUser_late_bringsNothingBack(t *testing.T) {
	f := newFixture(t)
	user := newUser(tenant, ids.NewUUID(), "Ada's Team")
	user.PermissionIDs = []string{"beta"}
	if err := f.ProvisionUser(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	f.exec(`DELETE FROM teams`)
	f.exec(`DELETE FROM project_permissions`)
	if err := f.ProvisionUser(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	if n := f.count(`SELECT (SELECT count(*) FROM teams) + (SELECT count(*) FROM project_permissions)`); n != 0 {
		t.Errorf("%d rows came back", n)
	}
}

func TestProvisionUser_afterDeletion_doesNothing(t *testing.T) {
	f := newFixture(t)
	user := newUser(tenant, ids.NewUUID(), "Ghost's Team")
	user.PermissionIDs = []string{"beta"}
	if _, err := f.RemoveUser(t.Context(), tenant, user.UserID); err != nil {
		t.Fatal(err)
	}
	if err := f.ProvisionUser(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	if n := f.count(`SELECT (SELECT count(*) FROM team_memberships) + (SELECT count(*) FROM project_permissions)`); n != 0 {
		t.Errorf("a deleted user came back with %d rows", n)
	}
}

// Creation and deletion race; whoever wins, nothing of the user may stay.
// Without the lock on the user some does.
func TestRemoveUser_parallelCreation_leavesNothing(t *testing.T) {
	f := newFixture(t)
	for range 40 {
		user := newUser(tenant, ids.NewUUID(), "Team")
		user.PermissionIDs = []string{"beta"}
		var both sync.WaitGroup
		both.Go(func() {
			if err := f.ProvisionUser(t.Context(), user); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			if _, err := f.RemoveUser(t.Context(), tenant, user.UserID); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		if n := f.count(`SELECT (SELECT count(*) FROM team_memberships) + (SELECT count(*) FROM project_permissions)`); n != 0 {
			t.Fatalf("a deleted user still has %d rows", n)
		}
	}
}

func TestRemoveUser_twice_removesOnce(t *testing.T) {
	f := newFixture(t)
	userID := ids.NewUUID()
	teamID := f.personalTeam(userID, "A")
	got, err := f.RemoveUser(t.Context(), tenant, userID)
	if err != nil || len(got) != 1 || got[0] != teamID {
		t.Fatalf("RemoveUser = %v, %v; want the team", got, err)
	}
	got, err = f.RemoveUser(t.Context(), tenant, userID)
	if err != nil || len(got) != 0 {
		t.Errorf("RemoveUser again = %v, %v", got, err)
	}
	if published := f.published(); len(published) != 2 {
		t.Errorf("published %v, want one of each kind", published)
	}
}

func TestGetMembership_otherProjectOrUser_isNil(t *testing.T) {
	f := newFixture(t)
	userID := ids.NewUUID()
	teamID := f.personalTeam(userID, "A")
	for name, ask := range map[string]struct {
		tenant ids.Tenant
		user   string
	}{
		"other project": {ids.Tenant{ProjectID: "q", BranchID: "main"}, userID},
		"other branch":  {ids.Tenant{ProjectID: "p", BranchID: "b"}, userID},
		"other user":    {tenant, ids.NewUUID()},
	} {
		if got, permissionIDs, err := f.GetMembership(t.Context(), ask.tenant, teamID, ask.user, false); got != nil || permissionIDs != nil || err != nil {
			t.Errorf("%s: GetMembership = %v, %v, %v; want nil", name, got, permissionIDs, err)
		}
	}
	if len(f.projects.asked) != 0 {
		t.Errorf("the configuration was asked for, of versions %v", f.projects.asked)
	}
}

// One statement tells of the team, the membership and all permissions.
func TestGetMembership_member_holdsClosure(t *testing.T) {
	f := newFixture(t)
	userID := ids.NewUUID()
	teamID := f.personalTeam(userID, "A")
	ctx, queries := pg.CountQueries(principal.NewContext(t.Context(), principal.Principal{ProjectID: "p", BranchID: "main", ConfigVersion: 5}))
	team, permissionIDs, err := f.GetMembership(ctx, tenant, teamID, userID, false)
	if err != nil || team == nil || team.DisplayName != "A" {
		t.Fatalf("GetMembership = %v, %v", team, err)
	}
	if want := []string{
		"$delete_team", "$invite_members", "$manage_api_keys", "$read_members", "$remove_members", "$update_team", "team_admin",
	}; !slices.Equal(permissionIDs, want) {
		t.Errorf("permissions %q, want %q", permissionIDs, want)
	}
	if queries.Load() != 1 {
		t.Errorf("GetMembership cost %d statements, want 1", queries.Load())
	}
	if !slices.Equal(f.projects.asked, []int64{5}) {
		t.Errorf("configuration asked for in versions %v, want the request's", f.projects.asked)
	}
	f.projects.definitions = nil
	if _, permissionIDs, err = f.GetMembership(t.Context(), tenant, teamID, userID, false); err != nil || len(permissionIDs) != 0 {
		t.Errorf("permissions without definition: %q, %v", permissionIDs, err)
	}
	f.projects.asked = nil
	if team, permissionIDs, err = f.GetMembership(t.Context(), tenant, teamID, userID, true); err != nil || team == nil || permissionIDs != nil {
		t.Errorf("without permissions: %v, %q, %v", team, permissionIDs, err)
	}
	if len(f.projects.asked) != 0 {
		t.Error("the configuration was asked for although nobody wants to know")
	}
}

func TestListTeamMembers_withPermission_areInOrderOfJoining(t *testing.T) {
	f := newFixture(t)
	admin, member := ids.NewUUID(), ids.NewUUID()
	teamID := f.personalTeam(admin, "A")
	f.exec(`INSERT INTO team_memberships (project_id, branch_id, team_id, user_id, created_at) VALUES ('p', 'main', $1, $2, now() + interval '1s')`, teamID, member)
	for _, tt := range []struct {
		tenant     ids.Tenant
		permission string
		want       []string
	}{
		{tenant, "", []string{admin, member}},
		{tenant, "$manage_api_keys", []string{admin}},
		{tenant, "nothing", nil},
		{ids.Tenant{ProjectID: "q", BranchID: "main"}, "", nil},
	} {
		if got, err := f.ListTeamMembers(t.Context(), tt.tenant, teamID, tt.permission); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("members of %v with %q: %v, %v; want %v", tt.tenant, tt.permission, got, err, tt.want)
		}
	}
}

func TestFindTeam_otherProject_isNil(t *testing.T) {
	f := newFixture(t)
	teamID := f.personalTeam(ids.NewUUID(), "A")
	if got, err := f.FindTeam(t.Context(), tenant, teamID); err != nil || got == nil || got.DisplayName != "A" {
		t.Errorf("FindTeam = %v, %v", got, err)
	}
	if got, err := f.FindTeam(t.Context(), ids.Tenant{ProjectID: "q", BranchID: "main"}, teamID); got != nil || err != nil {
		t.Errorf("FindTeam of another project = %v, %v; want nil", got, err)
	}
}

func TestRenamePersonalTeams_placeholderOnly(t *testing.T) {
	f := newFixture(t)
	userID := ids.NewUUID()
	placeholder, named := f.personalTeam(userID, "Personal Team"), ids.NewUUID()
	f.exec(`INSERT INTO teams (project_id, branch_id, id, display_name) VALUES ('p', 'main', $1, 'Book club')`, named)
	f.exec(`INSERT INTO team_memberships (project_id, branch_id, team_id, user_id) VALUES ('p', 'main', $1, $2)`, named, userID)
	if err := f.RenamePersonalTeams(t.Context(), tenant, userID, "", "ada@example.com"); err != nil {
		t.Fatal(err)
	}
	for teamID, want := range map[string]string{placeholder: "ada@example.com's Team", named: "Book club"} {
		got, err := f.FindTeam(t.Context(), tenant, teamID)
		if err != nil || got.DisplayName != want {
			t.Errorf("team is called %q, %v; want %q", got.DisplayName, err, want)
		}
	}
}

func TestPurgeProject_otherProjects_stay(t *testing.T) {
	f := newFixture(t)
	userID := ids.NewUUID()
	f.personalTeam(userID, "A")
	other := newUser(ids.Tenant{ProjectID: "q", BranchID: "main"}, userID, "B")
	other.PermissionIDs = []string{"beta"}
	if err := f.ProvisionUser(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if err := f.PurgeProject(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	if got := f.teamsOf(userID); len(got) != 0 {
		t.Errorf("teams %v of the purged project are left", got)
	}
	if n := f.count(`SELECT (SELECT count(*) FROM team_permissions) + (SELECT count(*) FROM project_permissions) + (SELECT count(*) FROM provisioned_users)`); n != 3 {
		t.Errorf("the other project has %d rows left, want 3", n)
	}
}

// Events arrive in any order: a user's may come after the end of the project.
// Without the locks a team survives now and then.
func TestPurgeProject_parallelCreation_leavesNothing(t *testing.T) {
	f := newFixture(t)
	for i := range 40 {
		project := ids.Tenant{ProjectID: "p" + strconv.Itoa(i), BranchID: "main"}
		user := newUser(project, ids.NewUUID(), "Team")
		var both sync.WaitGroup
		both.Go(func() {
			if err := f.ProvisionUser(t.Context(), user); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			if err := f.PurgeProject(t.Context(), project.ProjectID); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		if got, err := f.FindTeam(t.Context(), project, user.PersonalTeam.TeamID); err != nil || got != nil {
			t.Fatalf("a team of a deleted project is left: %v, %v", got, err)
		}
	}
}
