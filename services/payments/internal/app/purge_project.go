package app

import "context"

// PurgeProject deletes everything this context holds of a deleted project.
// Nobody can look after its account at the payment provider any more, so
// [App.EndSubscriptions] ends all that is paid for there. Repeating it has no
// effect.
func (a *App) PurgeProject(ctx context.Context, projectID string) error {
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error { return tx.PurgeProject(ctx, projectID) })
}
