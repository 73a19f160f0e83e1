package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// BatchGetMemberships tells which of the memberships exist, and reads their
// teams. A team that is deleted meanwhile takes its memberships with it.
func (a *App) BatchGetMemberships(ctx context.Context, tenant ids.Tenant, among []MembershipKey) ([]MembershipKey, []domain.Team, error) {
	memberships, err := a.store.Memberships(ctx, tenant, among)
	if err != nil || len(memberships) == 0 {
		return nil, nil, err
	}
	var teamIDs []string
	seen := map[string]bool{}
	for _, membership := range memberships {
		if !seen[membership.TeamID] {
			seen[membership.TeamID] = true
			teamIDs = append(teamIDs, membership.TeamID)
		}
	}
	teams, err := a.store.Teams(ctx, tenant, teamIDs)
	if err != nil {
		return nil, nil, err
	}
	return memberships, teams, nil
}
