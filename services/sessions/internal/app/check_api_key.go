package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/sessions/internal/domain"
)

// CheckAPIKey tells a backend whose key it was shown (teams.md §10.3). Once the
// configuration is in memory it costs one statement and no call; the state of
// the owner is not considered. It fails, in this order, with API_KEY_NOT_FOUND,
// WRONG_API_KEY_TYPE, API_KEY_REVOKED and API_KEY_EXPIRED.
func (a *App) CheckAPIKey(ctx context.Context, caller principal.Principal, owner ids.KeyOwner, text string) (*domain.APIKey, error) {
	if err := a.requireAPIKeys(ctx, caller, owner); err != nil {
		return nil, err
	}
	key, expired, err := a.Store.FindAPIKey(ctx, tenantOf(caller), text)
	switch {
	case err != nil:
		return nil, err
	case key == nil:
		return nil, apierr.APIKeyNotFound()
	case key.Owner.Type != owner:
		return nil, apierr.WrongAPIKeyType(string(owner), string(key.Owner.Type))
	case key.RevokedAt != nil:
		return nil, apierr.APIKeyRevoked()
	case expired:
		return nil, apierr.APIKeyExpired()
	}
	return key, nil
}
