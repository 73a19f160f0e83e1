package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// EnvironmentChange is a change of the configuration that another context makes
// for a request of its own.
type EnvironmentChange struct {
	ids.Tenant

	// Override is a document that is applied over the stored one.
	Override string
	// ResetKeys are dotted keys that are removed before.
	ResetKeys []string
	// RequiredKeys are dotted keys that the rendered configuration must have.
	RequiredKeys []string
}

// ChangeEnvironmentConfig changes level environment. It changes nothing and
// returns false when a required key is missing.
func (a *App) ChangeEnvironmentConfig(ctx context.Context, change EnvironmentChange) (changed bool, err error) {
	over, err := config.ParseDocument(config.Environment, change.Override)
	if err != nil {
		return false, err
	}
	_, err = a.changeProject(ctx, change.Tenant, func(ctx context.Context, tx Tx, project *domain.ConfiguredProject) ([]Event, error) {
		rendered := project.Render()
		for _, key := range change.RequiredKeys {
			if changed = rendered.Has(key); !changed {
				return nil, nil
			}
		}
		changed = true
		before := project.At(config.Environment)
		after := before.Reset(change.ResetKeys).Apply(over)
		if after.String() == before.String() {
			return nil, nil
		}
		return saveOverride(ctx, tx, change.Tenant, project, after, project.Source)
	})
	return changed && err == nil, err
}
