package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/teams/internal/domain"
)

// DeleteTeamInvitation withdraws a pending invitation of a team (teams.md §5.3).
// Clients need $remove_members.
func (a *App) DeleteTeamInvitation(ctx context.Context, invitationID string, teamID *string) error {
	req, err := a.request(ctx)
	switch {
	case err != nil:
		return err
	case teamID == nil:
		return apierr.Text(http.StatusBadRequest, "The team of the invitation must be named with team_id.")
	case req.isClient() && !req.SignedIn():
		return apierr.CannotGetOwnUserWithoutUser()
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if req.isClient() {
			err = a.authorize(ctx, tx, req, *teamID, apierr.CannotGetOwnUserWithoutUser(), domain.RemoveMembers)
		} else {
			_, err = a.requireTeam(ctx, req, *teamID)
		}
		if err != nil {
			return err
		}
		taken, err := tx.TakeInvitation(ctx, req.tenant, invitationID, *teamID)
		if err != nil {
			return err
		}
		if !taken {
			return apierr.VerificationCodeNotFound()
		}
		return tx.RevokeInvitationCode(ctx, req.tenant, invitationID)
	})
}
