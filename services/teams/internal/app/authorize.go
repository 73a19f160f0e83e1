package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/teams/internal/domain"
)

// decide is the one place that says whether the caller may do something in a
// team: they must be a member, and what they were granted must amount to every
// permission, which are looked at in order.
func (r request) decide(teamID string, granted []string, member bool, permissions []string) error {
	if !member {
		return apierr.TeamMembershipNotFound(teamID, r.UserID)
	}
	for _, permission := range permissions {
		if !r.project.Permissions.Allow(permission, granted...) {
			return apierr.TeamPermissionRequired(teamID, r.UserID, permission)
		}
	}
	return nil
}

// authorize refuses callers who may not act for a team, inside the transaction
// that acts: nobody can take the membership or a permission away before it ends.
// It fails with TEAM_MEMBERSHIP_NOT_FOUND or TEAM_PERMISSION_REQUIRED, and with
// gone when the caller does not exist any more.
func (a *App) authorize(ctx context.Context, tx Tx, req request, teamID string, gone error, permissions ...string) error {
	granted, member, err := tx.LockMembership(ctx, req.membership(teamID))
	if err != nil {
		return err
	}
	if !member {
		if err := a.checkCaller(ctx, req, gone); err != nil {
			return err
		}
	}
	return req.decide(teamID, granted, member, permissions)
}

// authorizeRead is authorize for what changes nothing.
func (a *App) authorizeRead(ctx context.Context, req request, teamID string, gone error, permissions ...string) (*Membership, error) {
	membership, err := a.store.Membership(ctx, req.tenant, teamID, req.UserID)
	if err != nil {
		return nil, err
	}
	if membership == nil {
		if err := a.checkCaller(ctx, req, gone); err != nil {
			return nil, err
		}
		return nil, req.decide(teamID, nil, false, permissions)
	}
	return membership, req.decide(teamID, membership.Granted, true, permissions)
}

// checkCaller fails with gone when the signed-in user was deleted: their token
// outlives them, and the request has no user then (protocol §5, step 12).
// Members are not deleted, so only strangers have to be looked at.
func (a *App) checkCaller(ctx context.Context, req request, gone error) error {
	deleted, err := a.store.UserDeleted(ctx, req.tenant, req.UserID)
	if err == nil && deleted {
		err = gone
	}
	return err
}

// checkOwn fails with CANNOT_GET_OWN_USER_WITHOUT_USER when something is asked
// about the signed-in user, who was deleted: "me" stands for nobody then.
// Whoever is there has answers of their own, so only what came to nothing has to
// be looked at.
func (a *App) checkOwn(ctx context.Context, req request, userID *string) error {
	if userID == nil || !req.isSelf(*userID) {
		return nil
	}
	return a.checkCaller(ctx, req, apierr.CannotGetOwnUserWithoutUser())
}

// requireSelf refuses clients that ask about another user than the signed-in
// one, with the sentence, or about everybody.
func (a *App) requireSelf(ctx context.Context, req request, userID *string, sentence string) error {
	switch {
	case !req.SignedIn():
		return apierr.CannotGetOwnUserWithoutUser()
	case userID != nil && req.isSelf(*userID):
		return nil
	}
	if err := a.checkCaller(ctx, req, apierr.CannotGetOwnUserWithoutUser()); err != nil {
		return err
	}
	return apierr.Text(http.StatusForbidden, sentence)
}

// membership is the caller's in a team.
func (r request) membership(teamID string) domain.Membership {
	return domain.Membership{Tenant: r.tenant, TeamID: teamID, UserID: r.UserID}
}

// isSelf reports whether a user is the signed-in one.
func (r request) isSelf(userID string) bool { return r.SignedIn() && userID == r.UserID }

// requireUser fails with USER_NOT_FOUND when the project has no such user, and
// with CANNOT_GET_OWN_USER_WITHOUT_USER when it is the signed-in one who is gone.
func (a *App) requireUser(ctx context.Context, req request, userID string) error {
	users, err := a.users.Users(ctx, req.tenant, userID)
	if err != nil {
		return err
	}
	if _, ok := users[userID]; ok {
		return nil
	}
	if req.isSelf(userID) {
		return apierr.CannotGetOwnUserWithoutUser()
	}
	return apierr.UserNotFound()
}

// noSuchMember says why a user is not a member: there may be no such user.
func (a *App) noSuchMember(ctx context.Context, req request, teamID, userID string) error {
	if err := a.requireUser(ctx, req, userID); err != nil {
		return err
	}
	return apierr.TeamMembershipNotFound(teamID, userID)
}
