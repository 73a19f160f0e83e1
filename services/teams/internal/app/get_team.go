package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// GetTeam reads a team; nil when there is none.
func (a *App) GetTeam(ctx context.Context, tenant ids.Tenant, teamID string) (*domain.Team, error) {
	return a.store.Team(ctx, tenant, teamID)
}
