package app_test

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
)

func names(held []app.HeldPermission) (list []string) {
	for _, permission := range held {
		list = append(list, permission.ID)
	}
	return list
}

func TestListTeamPermissions_directAndContained(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	grace := f.join(teamID)
	for name, tt := range map[string]struct {
		filter app.PermissionFilter
		want   []string
	}{
		"direct":              {app.PermissionFilter{UserID: &grace}, []string{"team_member"}},
		"recursive":           {app.PermissionFilter{UserID: &grace, Recursive: true}, []string{"$invite_members", "$read_members", "team_member"}},
		"one, direct":         {app.PermissionFilter{UserID: &grace, PermissionID: new("$read_members")}, nil},
		"one, recursive":      {app.PermissionFilter{UserID: &grace, PermissionID: new("$read_members"), Recursive: true}, []string{"$read_members"}},
		"of an unknown team":  {app.PermissionFilter{TeamID: new(ids.NewUUID())}, nil},
		"of an unknown user":  {app.PermissionFilter{UserID: new(ids.NewUUID())}, nil},
		"an unknown one":      {app.PermissionFilter{PermissionID: new("nothing"), Recursive: true}, nil},
		"of everybody, admin": {app.PermissionFilter{TeamID: &teamID, PermissionID: new("team_admin")}, []string{"team_admin"}},
	} {
		held, err := f.ListTeamPermissions(f.server(), tt.filter)
		if err != nil || !slices.Equal(names(held), tt.want) {
			t.Errorf("%s: %v, %v; want %v", name, held, err, tt.want)
		}
	}
	all, err := f.ListTeamPermissions(f.server(), app.PermissionFilter{})
	want := []app.HeldPermission{{ID: "team_admin", TeamID: teamID, UserID: ada}, {ID: "team_member", TeamID: teamID, UserID: grace}}
	if ada > grace {
		slices.Reverse(want)
	}
	if err != nil || !slices.Equal(all, want) {
		t.Errorf("all %v, %v; want %v", all, err, want)
	}
	_, err = f.ListTeamPermissions(f.client(""), app.PermissionFilter{UserID: &ada})
	wantError(t, err, apierr.CannotGetOwnUserWithoutUser())
	_, err = f.ListProjectPermissions(f.client(""), app.PermissionFilter{})
	wantError(t, err, apierr.CannotGetOwnUserWithoutUser())
	for _, userID := range []*string{nil, &grace} {
		_, err = f.ListTeamPermissions(f.client(ada), app.PermissionFilter{UserID: userID})
		wantText(t, err, http.StatusForbidden)
		_, err = f.ListProjectPermissions(f.client(ada), app.PermissionFilter{UserID: userID})
		wantText(t, err, http.StatusForbidden)
	}
}

func TestGrantTeamPermission_goodAndBad(t *testing.T) {
	f := newFixture(t)
	ada, stranger := f.user("Ada"), f.user("Stranger")
	teamID := f.team(ada)
	for range 2 { // granting again is told again
		if err := f.GrantTeamPermission(f.server(), teamID, ada, domain.UpdateTeam); err != nil {
			t.Fatal(err)
		}
	}
	events := f.events()
	if facts(events) != "team_permission.created team_permission.created" || events[0].GetTeamPermissionCreated().GetId() != domain.UpdateTeam {
		t.Errorf("events %v", events)
	}
	wantError(t, f.GrantTeamPermission(f.server(), teamID, ids.NewUUID(), "gone"), apierr.UserNotFound())
	wantError(t, f.GrantTeamPermission(f.server(), teamID, stranger, "gone"), apierr.TeamMembershipNotFound("", ""))
	wantError(t, f.GrantTeamPermission(f.server(), teamID, ada, "gone"), apierr.PermissionNotFound(""))
	err := f.GrantTeamPermission(f.server(), teamID, ada, "beta")
	wantError(t, err, apierr.WrongPermissionScope("", "", ""))
	known, _ := errors.AsType[*apierr.Error](err)
	if want := map[string]any{"permission_id": "beta", "expected_scope": "team", "actual_scope": "project"}; !reflect.DeepEqual(known.Details, want) {
		t.Errorf("details %v", known.Details)
	}

	if err := f.RevokeTeamPermission(f.server(), teamID, ada, domain.UpdateTeam); err != nil {
		t.Error(err)
	}
	if got := facts(f.events()); got != "team_permission.deleted" {
		t.Errorf("events %s", got)
	}
	for _, id := range []string{domain.UpdateTeam, domain.ReadMembers, "gone", "beta"} { // contained ones are not granted directly
		wantError(t, f.RevokeTeamPermission(f.server(), teamID, ada, id), apierr.TeamPermissionNotFound("", "", ""))
	}
}

func TestGrantProjectPermission_goodAndBad(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	if err := f.GrantProjectPermission(f.server(), ada, "beta"); err != nil {
		t.Fatal(err)
	}
	held, err := f.ListProjectPermissions(f.client(ada), app.PermissionFilter{UserID: &ada})
	if err != nil || !slices.Equal(held, []app.HeldPermission{{ID: "beta", UserID: ada}}) {
		t.Errorf("held %v, %v", held, err)
	}
	wantError(t, f.GrantProjectPermission(f.server(), ids.NewUUID(), "gone"), apierr.UserNotFound())
	wantError(t, f.GrantProjectPermission(f.server(), ada, "gone"), apierr.PermissionNotFound(""))
	wantError(t, f.GrantProjectPermission(f.server(), ada, "team_admin"), apierr.WrongPermissionScope("", "", ""))
	wantError(t, f.GrantProjectPermission(f.server(), ada, domain.ReadMembers), apierr.WrongPermissionScope("", "", ""))
	if err := f.RevokeProjectPermission(f.server(), ada, "beta"); err != nil {
		t.Error(err)
	}
	wantError(t, f.RevokeProjectPermission(f.server(), ada, "beta"), apierr.PermissionNotFound(""))
	wantError(t, f.RevokeProjectPermission(f.server(), ada, "team_admin"), apierr.PermissionNotFound(""))
	if got := facts(f.events()); got != "project_permission.created project_permission.deleted" {
		t.Errorf("events %s", got)
	}
}

func TestPermissionDefinitions_rename_takesGrantsAlong(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	grace := f.join(teamID)
	defined, err := f.UpdatePermissionDefinition(f.server(), "team_member", domain.Definition{ID: "crew", Scope: domain.TeamScope, Contains: []string{domain.ReadMembers}})
	if err != nil || defined.ID != "crew" {
		t.Fatalf("UpdatePermissionDefinition = %+v, %v", defined, err)
	}
	held, err := f.ListTeamPermissions(f.server(), app.PermissionFilter{UserID: &grace, Recursive: true})
	if err != nil || !slices.Equal(names(held), []string{"$read_members", "crew"}) {
		t.Errorf("held %v, %v", held, err)
	}
	if err := f.DeletePermissionDefinition(f.server(), domain.TeamScope, "crew"); err != nil {
		t.Fatal(err)
	}
	// Made anew, the permission is nobody's.
	if _, err := f.CreatePermissionDefinition(f.server(), domain.Definition{ID: "crew", Scope: domain.TeamScope}); err != nil {
		t.Fatal(err)
	}
	if held, err := f.ListTeamPermissions(f.server(), app.PermissionFilter{UserID: &grace}); err != nil || len(held) != 0 {
		t.Errorf("held %v, %v", held, err)
	}
	if got := f.events(); len(got) != 0 {
		t.Errorf("events %s", facts(got))
	}
}

// Every operator who defines a permission wins in the end, however many do so at
// the same moment.
func TestCreatePermissionDefinition_parallel_losesNone(t *testing.T) {
	f := newFixture(t)
	var all sync.WaitGroup
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		all.Go(func() {
			if _, err := f.CreatePermissionDefinition(f.server(), domain.Definition{ID: id, Scope: domain.TeamScope}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	page, err := f.ListPermissionDefinitions(f.server(), app.DefinitionFilter{Scope: domain.TeamScope})
	if err != nil || len(page.Definitions) != 6+2+8 || page.Paginated || page.NextCursor != nil {
		t.Errorf("%d definitions, %v", len(page.Definitions), err)
	}
}

func TestListPermissionDefinitions_pages_followTheCursor(t *testing.T) {
	f := newFixture(t)
	list := func(filter app.DefinitionFilter) (ids []string, next string) {
		t.Helper()
		filter.Scope = domain.TeamScope
		page, err := f.ListPermissionDefinitions(f.server(), filter)
		if err != nil {
			t.Fatal(err)
		}
		for _, definition := range page.Definitions {
			ids = append(ids, definition.ID)
		}
		if page.NextCursor != nil {
			next = *page.NextCursor
		}
		return ids, next
	}
	for name, tt := range map[string]struct {
		filter app.DefinitionFilter
		want   []string
		next   string
	}{
		"first":          {app.DefinitionFilter{Limit: 2}, []string{"$delete_team", "$invite_members"}, "$manage_api_keys"},
		"last":           {app.DefinitionFilter{Limit: 3, Cursor: "$update_team"}, []string{"$update_team", "team_admin", "team_member"}, ""},
		"after one gone": {app.DefinitionFilter{Limit: 1, Cursor: "aaa"}, []string{"team_admin"}, "team_member"},
		"by id":          {app.DefinitionFilter{Query: "TEAM_"}, []string{"team_admin", "team_member"}, ""},
		"by description": {app.DefinitionFilter{Query: "revoke the team's api", Limit: 5}, []string{"$manage_api_keys"}, ""},
		"none":           {app.DefinitionFilter{Query: "beta"}, nil, ""},
	} {
		if got, next := list(tt.filter); !slices.Equal(got, tt.want) || next != tt.next {
			t.Errorf("%s: %q, then %q", name, got, next)
		}
	}
	_, err := f.ListPermissionDefinitions(f.server(), app.DefinitionFilter{Scope: domain.TeamScope, Cursor: "a"})
	wantError(t, err, apierr.SchemaError())
}

// The event of a change may come when the world has moved on.
func TestEndPermission_lateAndRepeated_touchesNothingNewer(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	for _, grant := range []struct {
		id      string
		version int64
	}{{"old", 3}, {"remade", 9}, {"beta", 3}} {
		f.exec(`INSERT INTO team_permissions (project_id, branch_id, team_id, user_id, permission_id, config_version) VALUES ('p', 'main', $1, $2, $3, $4)`,
			teamID, ada, grant.id, grant.version)
		f.exec(`INSERT INTO project_permissions (project_id, branch_id, user_id, permission_id, config_version) VALUES ('p', 'main', $1, $2, $3)`,
			ada, grant.id, grant.version)
	}
	ends := []app.PermissionEnd{
		{PermissionID: "remade", Version: 8},                // deleted before it was made anew
		{PermissionID: "new", Version: 7},                   // deleted after "old" was renamed to it
		{PermissionID: "old", RenamedTo: "new", Version: 5}, // told last
		{PermissionID: "beta", RenamedTo: "gamma", Version: 6},
		{},
	}
	for range 2 {
		for _, end := range ends {
			if err := f.EndPermission(t.Context(), tenant, end); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, table := range []string{"team_permissions", "project_permissions"} {
		for id, want := range map[string]int{"old": 0, "new": 0, "remade": 1, "beta": 0, "gamma": 1} {
			if n := f.count(`SELECT count(*) FROM `+table+` WHERE permission_id = $1`, id); n != want {
				t.Errorf("%s: %d grants of %s, want %d", table, n, id, want)
			}
		}
	}
	other := ids.Tenant{ProjectID: "q", BranchID: "main"}
	if err := f.EndPermission(t.Context(), other, app.PermissionEnd{PermissionID: "gamma", Version: 99}); err != nil {
		t.Fatal(err)
	}
	if n := f.count(`SELECT count(*) FROM team_permissions WHERE permission_id = 'gamma'`); n != 1 {
		t.Error("another project's change took a grant")
	}
}

// Grants race with the end of their permission; none of them may survive it.
// Without the remembered end some do.
func TestGrantTeamPermission_whileDefinitionEnds_leavesNoGrant(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	var members []string
	for range 8 {
		members = append(members, f.join(teamID))
	}
	for round := range 15 {
		id := "p" + string(rune('a'+round))
		if _, err := f.CreatePermissionDefinition(f.server(), domain.Definition{ID: id, Scope: domain.TeamScope}); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for _, member := range members {
			all.Go(func() {
				if err := f.GrantTeamPermission(f.server(), teamID, member, id); err != nil && !errors.Is(err, apierr.PermissionNotFound("")) {
					t.Error(err)
				}
			})
		}
		all.Go(func() {
			if err := f.DeletePermissionDefinition(f.server(), domain.TeamScope, id); err != nil {
				t.Error(err)
			}
		})
		all.Wait()
		if n := f.count(`SELECT count(*) FROM team_permissions WHERE permission_id = $1`, id); n != 0 {
			t.Fatalf("%d grants of a permission that has ended", n)
		}
	}
}
