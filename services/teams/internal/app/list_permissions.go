package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
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
	grants, err := a.store.TeamGrants(ctx, req.tenant, filter.TeamID, filter.UserID)
	if err != nil {
		return nil, err
	}
	return held(req, domain.TeamScope, filter, grants), nil
}

// ListProjectPermissions lists what users may do outside teams, by user and
// permission (teams.md §6.2). Clients list their own user's.
func (a *App) ListProjectPermissions(ctx context.Context, filter PermissionFilter) ([]HeldPermission, error) {
	req, err := a.permissionsRequest(ctx, filter)
	if err != nil {
		return nil, err
	}
	grants, err := a.store.ProjectGrants(ctx, req.tenant, filter.UserID)
	if err != nil {
		return nil, err
	}
	return held(req, domain.ProjectScope, filter, grants), nil
}

func (a *App) permissionsRequest(ctx context.Context, filter PermissionFilter) (request, error) {
	req, err := a.request(ctx)
	if err != nil || !req.isClient() {
		return req, err
	}
	switch {
	case !req.SignedIn():
		return req, apierr.CannotGetOwnUserWithoutUser()
	case filter.UserID == nil || !req.isSelf(*filter.UserID):
		return req, apierr.Text(http.StatusForbidden, "Clients may list the permissions of their own user only.")
	}
	return req, nil
}

// held turns grants, which are in order, into permissions.
func held(req request, scope domain.Scope, filter PermissionFilter, grants []Grants) []HeldPermission {
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
	return list
}
