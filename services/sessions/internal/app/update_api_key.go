package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/sessions/internal/domain"
)

// APIKeyChange is what is to be different about a key.
type APIKeyChange struct {
	// Description is nil when it stays as it is.
	Description *string
	// Revoke ends the key for good. A revoked key keeps the time of its first
	// revocation.
	Revoke bool
}

// UpdateAPIKey describes a key anew or revokes it (teams.md §10.3). It fails as
// [App.GetAPIKey] does. A change that changes nothing leaves no event.
func (a *App) UpdateAPIKey(ctx context.Context, caller principal.Principal, owner ids.KeyOwner, keyID string, change APIKeyChange) (*domain.APIKey, error) {
	key, err := a.GetAPIKey(ctx, caller, owner, keyID)
	if err != nil || change == (APIKeyChange{}) {
		return key, err
	}
	// The owner of a key never changes, so whoever may change it was settled.
	tenant := tenantOf(caller)
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		updated, revoked, err := tx.UpdateAPIKey(ctx, tenant, owner, keyID, change)
		if err != nil {
			return err
		}
		if updated == nil {
			if key, err = a.Store.APIKey(ctx, tenant, owner, keyID); err == nil && key == nil {
				err = apierr.APIKeyNotFound()
			}
			return err
		}
		key = updated
		return tx.Emit(ctx, APIKeyUpdated{Key: *key, Revoked: revoked})
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}
