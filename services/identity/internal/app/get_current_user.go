package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
)

// GetCurrentUser reads the signed-in user (users.md §2.1).
func (a *App) GetCurrentUser(ctx context.Context) (*UserView, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if !req.SignedIn() {
		return nil, apierr.CannotGetOwnUserWithoutUser()
	}
	user, err := a.store.User(ctx, req.tenant, req.UserID)
	if err != nil {
		return nil, err
	}
	if user == nil {
		return nil, apierr.CannotGetOwnUserWithoutUser()
	}
	team, err := a.selectedTeam(ctx, user.Tenant, user.ID, user.SelectedTeamID)
	if err != nil {
		return nil, err
	}
	shown := view(user, team, req.config)
	return &shown, nil
}
