package app_test

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// MemberIDs lists whom the test put into the team.
func (f *fakeTeams) MemberIDs(_ context.Context, _ ids.Tenant, teamID string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.memberIDs[teamID], f.err
}

// Memberships knows the teams that everybody is a member of.
func (f *fakeTeams) Memberships(_ context.Context, _ ids.Tenant, members []app.TeamMember) (map[app.TeamMember]*domain.Team, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.batches++
	found := map[app.TeamMember]*domain.Team{}
	for _, member := range members {
		if team, ok := f.members[member.TeamID]; ok {
			found[member] = &team
		} else if f.anyTeam != nil {
			found[member] = f.anyTeam
		}
	}
	return found, f.err
}
