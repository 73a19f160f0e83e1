package app

import (
	"context"

	"vestibule.dev/services/teams/internal/domain"
)

// PermissionFilter says which permissions are listed; nil fields stand for all.
type PermissionFilter struct {
	// TeamID has no meaning outside teams.
	TeamID       *string
	UserID       *string
	PermissionID *string
	// Recursive lists what granted permissions contain as well.
	Recursive bool
}

// HeldPermission says that a user holds a permission, in a team or outside.
type HeldPermission struct {
	ID string
	// TeamID is empty outside teams.
	TeamID, UserID string
}

// ListTeamPermissions lists what users may do in teams, by team, user and
// permission (teams.md §6.2). Clients list their own user's.
func (a *App) ListTeamPermissions(ctx context.Context, filter PermissionFilter) ([]HeldPermission, error) {
	req, err := a.permissionsRequest(ctx, filter)
	if err != nil {
		return nil, err
	}
	grants, err := a.store.TeamGrants(ctx, req.tenant, filter.TeamID, filter.UserID, maxListed+1)
	if err != nil {
		return nil, err
	}
	return a.held(ctx, req, domain.TeamScope, filter, grants)
}

// ListProjectPermissions lists what users may do outside teams, by user and
// permission (teams.md §6.2). Clients list their own user's.
func (a *App) ListProjectPermissions(ctx context.Context, filter PermissionFilter) ([]HeldPermission, error) {
	req, err := a.permissionsRequest(ctx, filter)
	if err != nil {
		return nil, err
	}
	grants, err := a.store.ProjectGrants(ctx, req.tenant, filter.UserID, maxListed+1)
	if err != nil {
		return nil, err
	}
	return a.held(ctx, req, domain.ProjectScope, filter, grants)
}

func (a *App) permissionsRequest(ctx context.Context, filter PermissionFilter) (request, error) {
	req, err := a.request(ctx)
	if err != nil || !req.isClient() {
		return req, err
	}
	return req, a.requireSelf(ctx, req, filter.UserID, "Clients may list the permissions of their own user only.")
}

// held turns grants, which are in order, into permissions.
func (a *App) held(ctx context.Context, req request, scope domain.Scope, filter PermissionFilter, grants []Grants) ([]HeldPermission, error) {
	switch {
	case len(grants) == 0:
		return nil, a.checkOwn(ctx, req, filter.UserID)
	case len(grants) > maxListed:
		return nil, errTooMany()
	}
	permissions := req.project.Permissions
	var list []HeldPermission
	for _, grant := range grants {
		permissionIDs := permissions.Direct(scope, grant.PermissionIDs...)
		if filter.Recursive {
			permissionIDs = permissions.Closure(scope, grant.PermissionIDs...)
		}
		for _, id := range permissionIDs {
			if filter.PermissionID == nil || *filter.PermissionID == id {
				list = append(list, HeldPermission{ID: id, TeamID: grant.TeamID, UserID: grant.UserID})
			}
		}
	}
	return list, nil
}
