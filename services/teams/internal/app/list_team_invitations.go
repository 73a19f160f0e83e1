package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/teams/internal/domain"
)

// maxInvitations bounds a list of invitations. How many there are to somebody is
// up to others, so more than that must not keep the newest from being listed; that
// many fit into an answer.
const maxInvitations = 10_000

// ListTeamInvitations lists the pending invitations of a team or those to the
// verified addresses of a user, one of which must be named, oldest first: of very
// many, the newest (teams.md §5.2).
func (a *App) ListTeamInvitations(ctx context.Context, teamID, userID *string) ([]domain.Invitation, error) {
	req, err := a.request(ctx)
	switch {
	case err != nil:
		return nil, err
	case (teamID == nil) == (userID == nil):
		return nil, apierr.Text(http.StatusBadRequest, "Either team_id or user_id must be given, and not both.")
	case userID != nil:
		return a.invitationsToUser(ctx, req, *userID)
	}
	return a.invitationsOfTeam(ctx, req, *teamID)
}

func (a *App) invitationsToUser(ctx context.Context, req request, userID string) ([]domain.Invitation, error) {
	if req.isClient() && !req.isSelf(userID) {
		return nil, apierr.CannotGetOwnUserWithoutUser()
	}
	emails, err := a.users.VerifiedEmails(ctx, req.tenant, userID)
	if err != nil {
		return nil, err
	}
	if len(emails) == 0 {
		return nil, a.checkOwn(ctx, req, &userID)
	}
	return a.store.InvitationsTo(ctx, req.tenant, emails, maxInvitations)
}

func (a *App) invitationsOfTeam(ctx context.Context, req request, teamID string) ([]domain.Invitation, error) {
	var err error
	switch {
	case !req.isClient():
		_, err = a.requireTeam(ctx, req, teamID)
	case !req.SignedIn():
		err = apierr.CannotGetOwnUserWithoutUser()
	default:
		_, err = a.authorizeRead(ctx, req, teamID, apierr.CannotGetOwnUserWithoutUser(), domain.ReadMembers, domain.InviteMembers)
	}
	if err != nil {
		return nil, err
	}
	return a.store.InvitationsOfTeam(ctx, req.tenant, teamID, maxInvitations)
}
