package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// Membership is a team and what one of its members was granted there.
type Membership struct {
	Team domain.Team
	// Granted are the ids of directly granted permissions, defined or not.
	Granted []string
}

// GetMembership reads a team that the user is a member of, and everything the
// user may do there, in permission order; the team is nil when there is no such
// membership. With withoutPermissions nothing is said about them, and no
// configuration is needed.
func (a *App) GetMembership(ctx context.Context, tenant ids.Tenant, teamID, userID string, withoutPermissions bool) (team *domain.Team, permissionIDs []string, err error) {
	membership, err := a.store.Membership(ctx, tenant, teamID, userID)
	if err != nil || membership == nil {
		return nil, nil, err
	}
	if withoutPermissions {
		return &membership.Team, nil, nil
	}
	project, err := a.projects.Project(ctx, tenant, configVersion(ctx, tenant))
	if err != nil {
		return nil, nil, err
	}
	return &membership.Team, project.Permissions.Closure(domain.TeamScope, membership.Granted...), nil
}
