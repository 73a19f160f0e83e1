package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/domain"
)

// DeleteTeamKeys deletes the API keys of a deleted team, which gets none any
// more. Repeating it has no effect.
func (a *App) DeleteTeamKeys(ctx context.Context, tenant ids.Tenant, teamID string) error {
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.RememberDeletedTeam(ctx, tenant, teamID); err != nil {
			return err
		}
		return deleteAPIKeys(ctx, tx, tenant, domain.APIKeyOwner{Type: ids.TeamKey, ID: teamID})
	})
}

// deleteAPIKeys deletes the keys of an owner who is gone.
func deleteAPIKeys(ctx context.Context, tx Tx, tenant ids.Tenant, owner domain.APIKeyOwner) error {
	keyIDs, err := tx.DeleteAPIKeysOfOwner(ctx, tenant, owner)
	if err != nil || len(keyIDs) == 0 {
		return err
	}
	return tx.Emit(ctx, APIKeysDeleted{Tenant: tenant, Owner: owner, KeyIDs: keyIDs})
}
