package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/sessions/internal/domain"
)

// GetAPIKey reads a key of one type of owner (teams.md §10.3). It fails with
// API_KEY_NOT_FOUND, also for a key of the other type.
func (a *App) GetAPIKey(ctx context.Context, caller principal.Principal, owner ids.KeyOwner, keyID string) (*domain.APIKey, error) {
	if err := a.requireAPIKeys(ctx, caller, owner); err != nil {
		return nil, err
	}
	key, err := a.Store.APIKey(ctx, tenantOf(caller), owner, keyID)
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, a.orSignedOut(ctx, caller, apierr.APIKeyNotFound())
	}
	return key, a.authorizeAPIKeys(ctx, caller, key.Owner)
}
