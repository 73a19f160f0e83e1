package app

import (
	"context"
	"errors"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/teams/internal/domain"
)

// GrantTeamPermission grants a member a permission (teams.md §6.2). Granting it
// again changes nothing and is told all the same.
func (a *App) GrantTeamPermission(ctx context.Context, teamID, userID, permissionID string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	membership := domain.Membership{Tenant: req.tenant, TeamID: teamID, UserID: userID}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := req.enter(ctx, tx); err != nil {
			return err
		}
		_, member, err := tx.LockMembership(ctx, membership)
		if err != nil {
			return err
		}
		if !member {
			return errNotMember
		}
		if err := req.checkScope(permissionID, domain.TeamScope); err != nil {
			return err
		}
		granted, err := tx.GrantTeamPermissions(ctx, membership, req.project.Version, permissionID)
		if err != nil {
			return err
		}
		if len(granted) == 0 {
			return apierr.PermissionNotFound(permissionID)
		}
		return tx.Emit(ctx, TeamPermissionCreated{Membership: membership, PermissionID: permissionID})
	})
	if errors.Is(err, errNotMember) {
		return a.noSuchMember(ctx, req, teamID, userID)
	}
	return err
}

// GrantProjectPermission grants a user a permission outside teams (teams.md
// §6.2).
func (a *App) GrantProjectPermission(ctx context.Context, userID, permissionID string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if err := a.requireUser(ctx, req, userID); err != nil {
		return err
	}
	if err := req.checkScope(permissionID, domain.ProjectScope); err != nil {
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
		granted, err := tx.GrantProjectPermissions(ctx, req.tenant, userID, req.project.Version, permissionID)
		if err != nil {
			return err
		}
		if len(granted) == 0 {
			return apierr.PermissionNotFound(permissionID)
		}
		return tx.Emit(ctx, ProjectPermissionCreated{Tenant: req.tenant, UserID: userID, PermissionID: permissionID})
	})
}

// checkScope refuses permissions that are not defined in the scope.
func (r request) checkScope(permissionID string, scope domain.Scope) error {
	definition, ok := r.project.Permissions.Lookup(permissionID)
	switch {
	case !ok:
		return apierr.PermissionNotFound(permissionID)
	case definition.Scope != scope:
		return apierr.WrongPermissionScope(permissionID, string(scope), string(definition.Scope))
	}
	return nil
}
