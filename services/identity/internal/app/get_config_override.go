package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/domain/config"
)

// GetConfigOverride returns the document stored at one level as JSON.
func (a *App) GetConfigOverride(ctx context.Context, level config.Level) (string, error) {
	tenant, err := overrideRequest(ctx, level)
	if err != nil {
		return "", err
	}
	project, err := configuredProject(ctx, a.store, tenant)
	if err != nil {
		return "", err
	}
	return project.At(level).String(), nil
}

// overrideRequest reads whose override is meant. A server pushes the branch
// level from code; the other levels belong to operators.
func overrideRequest(ctx context.Context, level config.Level) (ids.Tenant, error) {
	caller, tenant, err := projectRequest(ctx)
	if err != nil {
		return ids.Tenant{}, err
	}
	if caller.Access != principal.AccessAdmin && level != config.Branch {
		return ids.Tenant{}, apierr.Text(http.StatusForbidden, "A server may read and change the branch level of the configuration only.")
	}
	return tenant, nil
}
