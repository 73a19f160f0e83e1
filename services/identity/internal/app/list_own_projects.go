package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
)

// ListOwnProjects lists the projects that the teams of the signed-in operator
// own, oldest first.
func (a *App) ListOwnProjects(ctx context.Context) ([]domain.ConfiguredProject, error) {
	operator, tenant, err := operatorRequest(ctx)
	if err != nil {
		return nil, err
	}
	teamIDs, err := a.teams.TeamIDs(ctx, tenant, operator)
	if err != nil || len(teamIDs) == 0 {
		return nil, err
	}
	return a.store.ProjectsOfTeams(ctx, teamIDs)
}

// operatorRequest reads which user of project internal is calling. It fails
// with USER_AUTHENTICATION_REQUIRED or EXPECTED_INTERNAL_PROJECT.
func operatorRequest(ctx context.Context) (userID string, tenant ids.Tenant, err error) {
	caller, tenant, err := projectRequest(ctx)
	switch {
	case err != nil:
		return "", ids.Tenant{}, err
	case !caller.SignedIn():
		return "", ids.Tenant{}, apierr.UserAuthenticationRequired()
	case tenant.ProjectID != domain.InternalProject:
		return "", ids.Tenant{}, apierr.ExpectedInternalProject()
	}
	return caller.UserID, tenant, nil
}
