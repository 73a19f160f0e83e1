package domain

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"vestibule.dev/pkg/apierr"
)

func some() *Permissions {
	return NewPermissions(
		Definition{ID: "team_member", Scope: TeamScope, Contains: []string{ReadMembers}},
		Definition{ID: "team_admin", Scope: TeamScope, Description: new("All"), Contains: []string{UpdateTeam, "team_member"}},
		Definition{ID: "beta", Scope: ProjectScope},
		Definition{ID: "unscoped"},
	)
}

var defaults = Defaults{TeamCreator: []string{"team_admin", "team_member"}, TeamMember: []string{"team_member"}}

func TestCreate_goodAndBadIDs(t *testing.T) {
	for _, tt := range []struct {
		definition Definition
		want       error
		contains   []string
	}{
		{Definition{ID: "new", Scope: TeamScope, Contains: []string{"team_member", UpdateTeam, "team_member"}}, nil, []string{UpdateTeam, "team_member"}},
		{Definition{ID: "self", Scope: ProjectScope, Contains: []string{"self", "beta"}}, nil, []string{"beta", "self"}},
		{Definition{ID: "team_admin", Scope: TeamScope}, apierr.PermissionIDAlreadyExists("team_admin"), nil},
		{Definition{ID: "team_admin", Scope: ProjectScope}, apierr.PermissionIDAlreadyExists("team_admin"), nil},
		{Definition{ID: UpdateTeam, Scope: TeamScope}, apierr.PermissionIDAlreadyExists(UpdateTeam), nil},
		{Definition{ID: "new", Scope: TeamScope, Contains: []string{"beta"}}, apierr.ContainedPermissionNotFound("beta"), nil},
		{Definition{ID: "new", Scope: ProjectScope, Contains: []string{ReadMembers}}, apierr.ContainedPermissionNotFound(ReadMembers), nil},
		{Definition{ID: "new", Scope: TeamScope, Contains: []string{ReadMembers, "gone"}}, apierr.ContainedPermissionNotFound("gone"), nil},
	} {
		change, err := some().Create(tt.definition)
		if !errors.Is(err, tt.want) {
			t.Errorf("create %+v: %v, want %v", tt.definition, err, tt.want)
		}
		if tt.want != nil {
			continue
		}
		created := NewPermissions(change.Definitions...)
		got, _ := created.Lookup(tt.definition.ID)
		if !slices.Equal(got.Contains, tt.contains) || len(change.Definitions) != 5 || change.Ended != "" || change.Defaults != nil {
			t.Errorf("create %+v: %+v", tt.definition, change)
		}
	}
}

func TestUpdate_rename_reachesEveryReference(t *testing.T) {
	change, err := some().Update("team_member", Definition{ID: "crew", Scope: TeamScope, Contains: []string{"team_member", "crew", InviteMembers}}, defaults)
	if err != nil {
		t.Fatal(err)
	}
	want := &PermissionChange{
		Definitions: []Definition{
			{ID: "beta", Scope: ProjectScope},
			{ID: "crew", Scope: TeamScope, Contains: []string{InviteMembers, "crew"}},
			{ID: "team_admin", Scope: TeamScope, Description: change.Definitions[2].Description, Contains: []string{UpdateTeam, "crew"}},
			{ID: "unscoped"},
		},
		Defaults: &Defaults{TeamCreator: []string{"crew", "team_admin"}, TeamMember: []string{"crew"}, SignUp: []string{}},
		Ended:    "team_member", Renamed: "crew",
	}
	if !reflect.DeepEqual(change, want) {
		t.Errorf("got %+v, want %+v", change, want)
	}
}

func TestUpdate_sameID_replacesTheDefinition(t *testing.T) {
	change, err := some().Update("team_admin", Definition{ID: "team_admin", Scope: TeamScope}, defaults)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := NewPermissions(change.Definitions...).Lookup("team_admin")
	if got.Description != nil || len(got.Contains) != 0 || change.Ended != "" || change.Defaults != nil {
		t.Errorf("%+v in %+v", got, change)
	}
}

func TestUpdate_whatCannotBeUpdated_isRefused(t *testing.T) {
	for _, tt := range []struct {
		id         string
		definition Definition
		want       error
	}{
		{"gone", Definition{ID: "gone", Scope: TeamScope}, apierr.PermissionNotFound("gone")},
		{UpdateTeam, Definition{ID: UpdateTeam, Scope: TeamScope}, apierr.PermissionNotFound(UpdateTeam)},
		{"team_admin", Definition{ID: "team_admin", Scope: ProjectScope}, apierr.PermissionNotFound("team_admin")},
		{"team_admin", Definition{ID: "beta", Scope: TeamScope}, apierr.PermissionIDAlreadyExists("beta")},
		{"team_admin", Definition{ID: "team_admin", Scope: TeamScope, Contains: []string{"beta"}}, apierr.ContainedPermissionNotFound("beta")},
	} {
		if _, err := some().Update(tt.id, tt.definition, defaults); !errors.Is(err, tt.want) {
			t.Errorf("update %s to %+v: %v, want %v", tt.id, tt.definition, err, tt.want)
		}
	}
}

func TestDelete_removes_everyReference(t *testing.T) {
	change, err := some().Delete(TeamScope, "team_member", defaults)
	if err != nil {
		t.Fatal(err)
	}
	admin, _ := NewPermissions(change.Definitions...).Lookup("team_admin")
	if !slices.Equal(admin.Contains, []string{UpdateTeam}) || len(change.Definitions) != 3 || change.Ended != "team_member" || change.Renamed != "" ||
		!reflect.DeepEqual(change.Defaults, &Defaults{TeamCreator: []string{"team_admin"}, TeamMember: []string{}, SignUp: []string{}}) {
		t.Errorf("%+v, defaults %+v", change, change.Defaults)
	}
	for _, tt := range []struct {
		scope Scope
		id    string
	}{{ProjectScope, "team_member"}, {TeamScope, "gone"}, {TeamScope, UpdateTeam}} {
		if _, err := some().Delete(tt.scope, tt.id, defaults); !errors.Is(err, apierr.PermissionNotFound(tt.id)) {
			t.Errorf("delete %s in %s: %v", tt.id, tt.scope, err)
		}
	}
}
