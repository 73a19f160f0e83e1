package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// GetTeam reads a team; clients read those they are members of (teams.md §2.3).
func (a *App) GetTeam(ctx context.Context, teamID string) (*domain.Team, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if req.isClient() {
		if !req.SignedIn() {
			return nil, apierr.UserAuthenticationRequired()
		}
		membership, err := a.authorizeRead(ctx, req, teamID, apierr.UserNotFound())
		if err != nil {
			return nil, err
		}
		return &membership.Team, nil
	}
	return a.requireTeam(ctx, req, teamID)
}

// requireTeam reads a team or fails with TEAM_NOT_FOUND.
func (a *App) requireTeam(ctx context.Context, req request, teamID string) (*domain.Team, error) {
	team, err := a.store.Team(ctx, req.tenant, teamID)
	if err == nil && team == nil {
		err = apierr.TeamNotFound(teamID)
	}
	return team, err
}

// FindTeam reads a team for another context; nil when there is none.
func (a *App) FindTeam(ctx context.Context, tenant ids.Tenant, teamID string) (*domain.Team, error) {
	return a.store.Team(ctx, tenant, teamID)
}
