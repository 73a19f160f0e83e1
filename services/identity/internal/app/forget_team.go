package app

import (
	"context"

	"vestibule.dev/pkg/ids"
)

// ForgetTeam forgets that former members selected a team that was deleted.
func (a *App) ForgetTeam(ctx context.Context, tenant ids.Tenant, teamID string, userIDs []string) error {
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		for _, userID := range userIDs {
			if err := tx.ClearSelectedTeam(ctx, tenant, userID, teamID); err != nil {
				return err
			}
		}
		return nil
	})
}
