package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/sessions/internal/domain"
)

// ListAPIKeys lists the keys of a user or a team, newest first, revoked and
// expired ones included (teams.md §10.3). An owner who does not exist has none.
func (a *App) ListAPIKeys(ctx context.Context, caller principal.Principal, owner domain.APIKeyOwner) ([]domain.APIKey, error) {
	if err := a.requireAPIKeys(ctx, caller, owner.Type); err != nil {
		return nil, err
	}
	if err := a.authorizeAPIKeys(ctx, caller, owner); err != nil {
		return nil, err
	}
	keys, err := a.Store.APIKeysOfOwner(ctx, tenantOf(caller), owner)
	if err == nil && len(keys) == 0 && owner.Type == ids.UserKey {
		err = a.checkOwn(ctx, caller, owner.ID)
	}
	return keys, err
}
