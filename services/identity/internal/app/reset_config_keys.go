package app

import (
	"context"

	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// ResetConfigKeys removes keys, and everything below them, from the document
// stored at the level. Keys that are not set are ignored.
func (a *App) ResetConfigKeys(ctx context.Context, level config.Level, keys []string) error {
	tenant, err := overrideRequest(ctx, level)
	if err != nil {
		return err
	}
	_, err = a.changeProject(ctx, tenant, func(ctx context.Context, tx Tx, project *domain.ConfiguredProject) ([]Event, error) {
		before := project.At(level)
		after := before.Reset(keys)
		if after.String() == before.String() {
			return nil, nil
		}
		return saveOverride(ctx, tx, tenant, project, after, project.Source)
	})
	return err
}
