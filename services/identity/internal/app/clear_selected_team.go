package app

import (
	"context"

	"vestibule.dev/pkg/ids"
)

// ClearSelectedTeam forgets that a user selected a team they have left.
func (a *App) ClearSelectedTeam(ctx context.Context, tenant ids.Tenant, userID, teamID string) error {
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		return tx.ClearSelectedTeam(ctx, tenant, userID, teamID)
	})
}
