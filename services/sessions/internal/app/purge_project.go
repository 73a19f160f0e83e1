package app

import (
	"context"

	"vestibule.dev/services/sessions/internal/domain"
)

// PurgeProject deletes everything this context holds of a deleted project.
// Repeating it has no effect.
func (a *App) PurgeProject(ctx context.Context, projectID string) error {
	if err := a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		return tx.PurgeProject(ctx, projectID)
	}); err != nil {
		return err
	}
	for _, kind := range domain.Kinds() {
		a.Keys.Forget(domain.Audience{ProjectID: projectID, Kind: kind})
	}
	return nil
}
