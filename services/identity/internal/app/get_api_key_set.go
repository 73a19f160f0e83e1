package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain"
)

// GetAPIKeySet reads a key set. It fails with API_KEY_NOT_FOUND.
func (a *App) GetAPIKeySet(ctx context.Context, keySetID string) (*domain.APIKeySet, error) {
	_, tenant, err := projectRequest(ctx)
	if err != nil {
		return nil, err
	}
	return a.apiKeySet(ctx, tenant.ProjectID, keySetID)
}

func (a *App) apiKeySet(ctx context.Context, projectID, keySetID string) (*domain.APIKeySet, error) {
	set, err := a.store.APIKeySet(ctx, projectID, keySetID)
	if err == nil && set == nil {
		return nil, apierr.APIKeyNotFound()
	}
	return set, err
}
