package app

import (
	"context"

	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// DeleteConfigSource unlinks the branch level from where it was pushed from and
// leaves its values alone.
func (a *App) DeleteConfigSource(ctx context.Context) error {
	_, tenant, err := projectRequest(ctx)
	if err != nil {
		return err
	}
	_, err = a.changeProject(ctx, tenant, func(ctx context.Context, tx Tx, project *domain.ConfiguredProject) ([]Event, error) {
		if project.Source.String() == (config.Source{}).String() {
			return nil, nil
		}
		return saveOverride(ctx, tx, tenant, project, project.Branch, config.Source{})
	})
	return err
}
