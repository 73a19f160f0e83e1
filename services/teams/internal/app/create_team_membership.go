package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/teams/internal/domain"
)

// CreateTeamMembership adds a user to a team (teams.md §3).
func (a *App) CreateTeamMembership(ctx context.Context, teamID, userID string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if err := a.requireUser(ctx, req, userID); err != nil {
		return err
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		deleted, err := tx.LockUser(ctx, req.tenant, userID)
		if err != nil {
			return err
		}
		if deleted {
			return apierr.UserNotFound()
		}
		joined, err := join(ctx, tx, req, teamID, userID)
		if err == nil && !joined {
			err = apierr.TeamMembershipAlreadyExists()
		}
		return err
	})
}

// join makes a locked user a member with the default permissions of members and
// tells the world; joined is false when they are one already, which changes
// nothing. It fails with TEAM_NOT_FOUND.
func join(ctx context.Context, tx Tx, req request, teamID, userID string) (joined bool, err error) {
	membership := domain.Membership{Tenant: req.tenant, TeamID: teamID, UserID: userID}
	if joined, err = tx.CreateMembership(ctx, membership); err != nil || !joined {
		return false, err
	}
	given := req.project.RBAC.Defined(projectconfig.ScopeTeam, req.project.RBAC.DefaultPermissions.TeamMember)
	held, err := tx.GrantTeamPermissions(ctx, membership, req.project.Version, given...)
	if err != nil {
		return false, err
	}
	events := []Event{MembershipCreated{Membership: membership}}
	for _, id := range held {
		events = append(events, TeamPermissionCreated{Membership: membership, PermissionID: id})
	}
	return true, tx.Emit(ctx, events...)
}
