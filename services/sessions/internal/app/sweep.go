package app

import "context"

// sweepBatch bounds the rows that one statement of a sweep locks.
const sweepBatch = 500

// Sweep deletes what no longer means anything: sessions that expired longer
// ago than the retention, in batches, and sessions and keys that came into
// being while their user or project was being deleted. It may run on several
// replicas at once.
func (a *App) Sweep(ctx context.Context) error {
	for {
		deleted, err := a.Store.SweepSessions(ctx, a.settings.ExpiredRetention, sweepBatch)
		if err != nil {
			return err
		}
		if deleted < sweepBatch {
			return a.Store.SweepOrphans(ctx)
		}
	}
}
