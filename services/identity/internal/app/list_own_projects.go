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

// operatorRequest reads which user of project internal is calling. Restricted and
// anonymous users operate nothing, whatever header their client sends: what they
// may not do with an admin access token (projects.md §3) they may not do here
// either. It fails with USER_AUTHENTICATION_REQUIRED, EXPECTED_INTERNAL_PROJECT,
// ANONYMOUS_AUTHENTICATION_NOT_ALLOWED or RESTRICTED_USER_NOT_ALLOWED.
func operatorRequest(ctx context.Context) (userID string, tenant ids.Tenant, err error) {
	caller, tenant, err := projectRequest(ctx)
	switch {
	case err != nil:
		return "", ids.Tenant{}, err
	case !caller.SignedIn():
		return "", ids.Tenant{}, apierr.UserAuthenticationRequired()
	case tenant.ProjectID != domain.InternalProject:
		return "", ids.Tenant{}, apierr.ExpectedInternalProject()
	case caller.Anonymous:
		return "", ids.Tenant{}, apierr.AnonymousAuthenticationNotAllowed()
	case caller.Restricted:
		return "", ids.Tenant{}, apierr.RestrictedUserNotAllowed(caller.RestrictedReason)
	}
	return caller.UserID, tenant, nil
}
