package app

import (
	"context"

	"vestibule.dev/pkg/ids"
)

// ListTeamUsers lists the ids of a team's members in no order; none for an
// unknown team.
func (a *App) ListTeamUsers(ctx context.Context, tenant ids.Tenant, teamID string) ([]string, error) {
	return a.store.MemberIDs(ctx, tenant, teamID)
}
