package app

import (
	"context"

	"vestibule.dev/pkg/ids"
)

// TeamMember is a member of a team and what they were granted there.
type TeamMember struct {
	UserID  string
	Granted []string
}

// ListTeamMembers lists the members of a team in the order in which they
// joined, of all or of those who hold a permission, directly or not.
func (a *App) ListTeamMembers(ctx context.Context, tenant ids.Tenant, teamID, permissionID string) (userIDs []string, err error) {
	members, err := a.store.TeamMembers(ctx, tenant, teamID)
	if err != nil {
		return nil, err
	}
	var project *Project
	if permissionID != "" {
		if project, err = a.projects.Project(ctx, tenant, configVersion(ctx, tenant)); err != nil {
			return nil, err
		}
	}
	for _, member := range members {
		if project == nil || project.Permissions.Allow(permissionID, member.Granted...) {
			userIDs = append(userIDs, member.UserID)
		}
	}
	return userIDs, nil
}
