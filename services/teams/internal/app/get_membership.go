package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// GetMembership reads a team that the user is a member of; nil when there is
// no such membership.
func (a *App) GetMembership(ctx context.Context, tenant ids.Tenant, teamID, userID string) (*domain.Team, error) {
	return a.store.TeamOfMember(ctx, tenant, teamID, userID)
}
