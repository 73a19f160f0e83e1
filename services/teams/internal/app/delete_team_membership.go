package app

import (
	"context"
	"errors"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/teams/internal/domain"
)

// errNotMember says that a user to be removed is not a member.
var errNotMember = errors.New("the user is not a member of the team")

// DeleteTeamMembership removes a user from a team, with what they were granted
// there (teams.md §3). Clients may leave; to remove others they need
// $remove_members, and are not told which users exist outside their team.
func (a *App) DeleteTeamMembership(ctx context.Context, teamID, userID string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if req.isClient() && !req.SignedIn() {
		return apierr.CannotGetOwnUserWithoutUser()
	}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if req.isClient() && !req.isSelf(userID) {
			if err := a.authorize(ctx, tx, req, teamID, apierr.CannotGetOwnUserWithoutUser(), domain.RemoveMembers); err != nil {
				return err
			}
		}
		membership := domain.Membership{Tenant: req.tenant, TeamID: teamID, UserID: userID}
		deleted, err := tx.DeleteMembership(ctx, membership)
		if err != nil {
			return err
		}
		if !deleted {
			return errNotMember
		}
		return tx.Emit(ctx, MembershipDeleted{Membership: membership})
	})
	if !errors.Is(err, errNotMember) {
		return err
	}
	if err := a.checkOwn(ctx, req, &userID); err != nil {
		return err
	}
	if req.isClient() {
		return apierr.TeamMembershipNotFound(teamID, userID)
	}
	return a.noSuchMember(ctx, req, teamID, userID)
}
