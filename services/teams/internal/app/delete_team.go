package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/teams/internal/domain"
)

// DeleteTeam deletes a team with everything in it (teams.md §2.5). Clients need
// $delete_team. Codes of its invitations stay and lead to TEAM_NOT_FOUND.
func (a *App) DeleteTeam(ctx context.Context, teamID string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if req.isClient() && !req.SignedIn() {
		return apierr.UserAuthenticationRequired()
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if req.isClient() {
			if err := a.authorize(ctx, tx, req, teamID, apierr.UserNotFound(), domain.DeleteTeam); err != nil {
				return err
			}
		}
		version, userIDs, err := tx.DeleteTeam(ctx, req.tenant, teamID)
		if err != nil {
			return err
		}
		if version == 0 {
			return apierr.TeamNotFound(teamID)
		}
		return tx.Emit(ctx, TeamDeleted{Tenant: req.tenant, TeamID: teamID, Version: version + 1, UserIDs: userIDs})
	})
}
