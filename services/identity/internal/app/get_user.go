package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
)

// GetUser reads any user of the project. It fails with USER_NOT_FOUND.
func (a *App) GetUser(ctx context.Context, userID string) (*UserView, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	user, err := a.store.User(ctx, req.tenant, userID)
	if err != nil {
		return nil, err
	}
	if user == nil {
		return nil, apierr.UserNotFound()
	}
	team, err := a.selectedTeam(ctx, user.Tenant, user.ID, user.SelectedTeamID)
	if err != nil {
		return nil, err
	}
	shown := view(user, team, req.config)
	return &shown, nil
}
