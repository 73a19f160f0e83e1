package app

import (
	"context"
	"math"
	"slices"

	"vestibule.dev/pkg/ids"
)

// ListTeamMembers lists the members of a team in the order in which they
// joined, of all or of those who hold a permission, directly or not.
func (a *App) ListTeamMembers(ctx context.Context, tenant ids.Tenant, teamID, permissionID string) (userIDs []string, err error) {
	members, err := a.store.TeamMembers(ctx, tenant, teamID)
	if err != nil || permissionID == "" || len(members) == 0 {
		return members, err
	}
	// Two lists put together here: in one statement, Postgres looks for the grants
	// of each member in those of all as long as it has not counted them.
	grants, err := a.store.TeamGrants(ctx, tenant, &teamID, nil, math.MaxInt)
	if err != nil {
		return nil, err
	}
	project, err := a.projects.Project(ctx, tenant, configVersion(ctx, tenant))
	if err != nil {
		return nil, err
	}
	granted := make(map[string][]string, len(grants))
	for _, grant := range grants {
		granted[grant.UserID] = grant.PermissionIDs
	}
	return slices.DeleteFunc(members, func(userID string) bool {
		return !project.Permissions.Allow(permissionID, granted[userID]...)
	}), nil
}
