package app

import (
	"context"
	"net/http"
	"slices"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/sessions/internal/domain"
)

// manageAPIKeys is the permission that lets a member manage the team's keys.
const manageAPIKeys = "$manage_api_keys"

// requireAPIKeys refuses everything about keys that the project has switched
// off, and clients nobody is signed in to (teams.md §10.1).
func (a *App) requireAPIKeys(ctx context.Context, caller principal.Principal, owner ids.KeyOwner) error {
	config, err := a.Configs.Get(ctx, tenantOf(caller), caller.ConfigVersion)
	if err != nil {
		return err
	}
	switch {
	case owner == ids.UserKey && !config.APIKeys.Enabled.User:
		return apierr.Text(http.StatusBadRequest, "User API keys are switched off in this project.")
	case owner == ids.TeamKey && !config.APIKeys.Enabled.Team:
		return apierr.Text(http.StatusBadRequest, "Team API keys are switched off in this project.")
	case caller.Access == principal.AccessClient && !caller.SignedIn():
		return apierr.UserAuthenticationRequired()
	}
	return nil
}

// authorizeAPIKeys refuses clients that may not manage the keys of an owner.
// Servers may manage all. Of a team that a client may not manage, it is told
// nothing.
func (a *App) authorizeAPIKeys(ctx context.Context, caller principal.Principal, owner domain.APIKeyOwner) error {
	if caller.Access != principal.AccessClient {
		return nil
	}
	if owner.Type == ids.UserKey {
		if owner.ID != caller.UserID {
			return a.orSignedOut(ctx, caller, apierr.Text(http.StatusForbidden, "Clients can manage the API keys of their own user only."))
		}
		return nil
	}
	permissionIDs, err := a.Teams.Permissions(ctx, tenantOf(caller), owner.ID, caller.UserID)
	if err == nil && !slices.Contains(permissionIDs, manageAPIKeys) {
		err = a.orSignedOut(ctx, caller, apierr.APIKeyNotFound())
	}
	return err
}
