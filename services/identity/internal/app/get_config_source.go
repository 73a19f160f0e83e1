package app

import (
	"context"

	"vestibule.dev/services/identity/internal/domain/config"
)

// GetConfigSource reads where the branch level was pushed from.
func (a *App) GetConfigSource(ctx context.Context) (config.Source, error) {
	project, err := a.GetAdminProject(ctx)
	if err != nil {
		return config.Source{}, err
	}
	return project.Source, nil
}
