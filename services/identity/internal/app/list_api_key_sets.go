package app

import (
	"context"

	"vestibule.dev/services/identity/internal/domain"
)

// ListAPIKeySets lists the key sets of the project, newest first.
func (a *App) ListAPIKeySets(ctx context.Context) ([]domain.APIKeySet, error) {
	_, tenant, err := projectRequest(ctx)
	if err != nil {
		return nil, err
	}
	return a.store.APIKeySets(ctx, tenant.ProjectID)
}
