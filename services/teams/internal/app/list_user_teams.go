package app

import (
	"context"

	"vestibule.dev/pkg/ids"
)

// ListUserTeams lists the ids of a user's teams, oldest first.
func (a *App) ListUserTeams(ctx context.Context, tenant ids.Tenant, userID string) ([]string, error) {
	return a.store.TeamIDsOfMember(ctx, tenant, userID)
}
