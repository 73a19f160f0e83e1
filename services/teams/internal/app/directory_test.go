package app_test

import (
	"slices"
	"testing"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/app"
)

func TestListTeamUsers_unknownOrForeign_hasNone(t *testing.T) {
	f := newFixture(t)
	user := ids.NewUUID()
	team := f.personalTeam(user, "Mine")
	f.personalTeam(ids.NewUUID(), "Another")
	for name, tt := range map[string]struct {
		tenant ids.Tenant
		teamID string
		want   []string
	}{
		"known":   {tenant, team, []string{user}},
		"unknown": {tenant, ids.NewUUID(), nil},
		"foreign": {ids.Tenant{ProjectID: "other", BranchID: "main"}, team, nil},
	} {
		if got, err := f.ListTeamUsers(t.Context(), tt.tenant, tt.teamID); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestBatchGetMemberships_pairs_areNotMixed(t *testing.T) {
	f := newFixture(t)
	ada, eve := ids.NewUUID(), ids.NewUUID()
	mine, theirs := f.personalTeam(ada, "Ada's"), f.personalTeam(eve, "Eve's")
	own := app.MembershipKey{TeamID: mine, UserID: ada}
	among := []app.MembershipKey{own, {TeamID: theirs, UserID: ada}, {TeamID: mine, UserID: eve}, {TeamID: ids.NewUUID(), UserID: ada}}
	memberships, teams, err := f.BatchGetMemberships(t.Context(), tenant, among)
	if err != nil || len(memberships) != 1 || memberships[0] != own || len(teams) != 1 || teams[0].DisplayName != "Ada's" {
		t.Errorf("%v, %v, %v", memberships, teams, err)
	}
	memberships, teams, err = f.BatchGetMemberships(t.Context(), ids.Tenant{ProjectID: "other", BranchID: "main"}, among)
	if err != nil || memberships != nil || teams != nil {
		t.Errorf("another project: %v, %v, %v", memberships, teams, err)
	}
}
