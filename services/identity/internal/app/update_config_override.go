package app

import (
	"context"

	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// UpdateConfigOverride applies a document over the one stored at the level.
func (a *App) UpdateConfigOverride(ctx context.Context, level config.Level, text string) error {
	tenant, err := overrideRequest(ctx, level)
	if err != nil {
		return err
	}
	over, err := config.ParseDocument(level, text)
	if err != nil {
		return err
	}
	_, err = a.changeProject(ctx, tenant, func(ctx context.Context, tx Tx, project *domain.ConfiguredProject) ([]Event, error) {
		return saveOverride(ctx, tx, tenant, project, project.At(level).Apply(over), project.Source)
	})
	return err
}
