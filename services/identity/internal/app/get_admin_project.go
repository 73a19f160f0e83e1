package app

import (
	"context"

	"vestibule.dev/services/identity/internal/domain"
)

// GetAdminProject reads the whole of a project, past all caches.
func (a *App) GetAdminProject(ctx context.Context) (*domain.ConfiguredProject, error) {
	_, tenant, err := projectRequest(ctx)
	if err != nil {
		return nil, err
	}
	return configuredProject(ctx, a.store, tenant)
}
