package app

import (
	"context"

	"vestibule.dev/pkg/ids"
)

// RemoveUser forgets what belongs to a deleted user. Mails outlive their user;
// those not yet sent are skipped when their turn comes. Repeating it has no
// effect.
func (a *App) RemoveUser(ctx context.Context, tenant ids.Tenant, userID string) error {
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.LockUser(ctx, tenant, userID); err != nil {
			return err
		}
		return tx.DeleteUser(ctx, tenant, userID)
	})
}
