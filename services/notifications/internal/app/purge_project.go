package app

import (
	"context"
	"errors"
)

// PurgeProject deletes everything this context holds of a deleted project.
// Repeating it has no effect.
func (a *App) PurgeProject(ctx context.Context, projectID string) error {
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		return tx.PurgeProject(ctx, projectID)
	})
}

// SweepDeletedProjects deletes what arrived after a project was deleted, or was
// under way meanwhile.
func (a *App) SweepDeletedProjects(ctx context.Context) error {
	projectIDs, err := a.Store.RecentlyDeletedProjects(ctx)
	for _, projectID := range projectIDs {
		err = errors.Join(err, a.PurgeProject(ctx, projectID))
	}
	return err
}
