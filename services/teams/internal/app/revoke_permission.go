package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/teams/internal/domain"
)

// RevokeTeamPermission takes a permission from a member that they were granted
// directly (teams.md §6.2). It fails with TEAM_PERMISSION_NOT_FOUND, also for
// grants of permissions that are not defined any more.
func (a *App) RevokeTeamPermission(ctx context.Context, teamID, userID, permissionID string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if err := a.checkOwn(ctx, req, &userID); err != nil {
		return err
	}
	if req.checkScope(permissionID, domain.TeamScope) != nil {
		return apierr.TeamPermissionNotFound(teamID, userID, permissionID)
	}
	membership := domain.Membership{Tenant: req.tenant, TeamID: teamID, UserID: userID}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		// In line with what the member does: who acts without a pause could put the
		// revocation off otherwise.
		if _, _, err := tx.LockMembership(ctx, membership); err != nil {
			return err
		}
		revoked, err := tx.RevokeTeamPermission(ctx, membership, permissionID)
		if err != nil {
			return err
		}
		if !revoked {
			return apierr.TeamPermissionNotFound(teamID, userID, permissionID)
		}
		return tx.Emit(ctx, TeamPermissionDeleted{Membership: membership, PermissionID: permissionID})
	})
}

// RevokeProjectPermission takes a permission outside teams from a user. It fails
// with PERMISSION_NOT_FOUND when they were not granted it directly.
func (a *App) RevokeProjectPermission(ctx context.Context, userID, permissionID string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if err := a.checkOwn(ctx, req, &userID); err != nil {
		return err
	}
	if req.checkScope(permissionID, domain.ProjectScope) != nil {
		return apierr.PermissionNotFound(permissionID)
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		revoked, err := tx.RevokeProjectPermission(ctx, req.tenant, userID, permissionID)
		if err != nil {
			return err
		}
		if !revoked {
			return apierr.PermissionNotFound(permissionID)
		}
		return tx.Emit(ctx, ProjectPermissionDeleted{Tenant: req.tenant, UserID: userID, PermissionID: permissionID})
	})
}
