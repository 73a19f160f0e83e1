package app

import (
	"context"

	"vestibule.dev/pkg/patch"
	"vestibule.dev/services/identity/internal/domain"
)

// UpdateAPIKeySet describes a key set anew or revokes it. Revoking it again
// moves the time of revocation. It fails with API_KEY_NOT_FOUND.
func (a *App) UpdateAPIKeySet(ctx context.Context, keySetID string, description patch.Field[string], revoke bool) (*domain.APIKeySet, error) {
	_, tenant, err := projectRequest(ctx)
	if err != nil {
		return nil, err
	}
	var set *domain.APIKeySet
	_, err = a.changeProject(ctx, tenant, func(ctx context.Context, tx Tx, project *domain.ConfiguredProject) ([]Event, error) {
		if set, err = a.apiKeySet(ctx, project.ID, keySetID); err != nil {
			return nil, err
		}
		if !description.IsSet() && !revoke {
			return nil, nil
		}
		set.Description = description.Or(set.Description)
		if err := tx.UpdateAPIKeySet(ctx, project.ID, set, revoke); err != nil {
			return nil, err
		}
		return []Event{APIKeySetUpdated{
			ProjectID: project.ID, KeySetID: set.ID, Version: project.Version, Revoked: set.RevokedAt != nil,
		}}, nil
	})
	if err != nil {
		return nil, err
	}
	return set, nil
}
