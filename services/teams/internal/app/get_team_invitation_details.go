package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/teams/internal/domain"
)

// GetTeamInvitationDetails tells the signed-in user which team a code invites to
// (teams.md §5.5).
func (a *App) GetTeamInvitationDetails(ctx context.Context, code string) (*domain.Team, error) {
	req, found, err := a.openInvitation(ctx, code)
	if err != nil {
		return nil, err
	}
	return a.requireTeam(ctx, req, found.TeamID)
}

// openInvitation finds what a code stands for and checks that the signed-in user
// may accept it. The address the invitation was sent to plays no part: whoever
// holds the code may join.
func (a *App) openInvitation(ctx context.Context, code string) (request, *InvitationCode, error) {
	req, err := a.request(ctx)
	if err != nil {
		return req, nil, err
	}
	found, err := a.store.AttemptInvitationCode(ctx, req.tenant, code)
	if err != nil {
		return req, nil, err
	}
	if !req.SignedIn() {
		return req, nil, apierr.UserAuthenticationRequired()
	}
	return req, found, a.checkUnrestricted(ctx, req)
}

// checkUnrestricted refuses restricted and anonymous users by what they are now,
// whatever their token says, and users who are gone.
func (a *App) checkUnrestricted(ctx context.Context, req request) error {
	users, err := a.users.Users(ctx, req.tenant, req.UserID)
	if err != nil {
		return err
	}
	user, ok := users[req.UserID]
	switch {
	case !ok:
		return apierr.UserAuthenticationRequired()
	case user.RestrictedReason != "":
		return apierr.TeamInvitationRestrictedUserNotAllowed(user.RestrictedReason)
	}
	return nil
}
