package app

import "context"

// sweepBatch bounds the rows that one statement of a sweep locks.
const sweepBatch = 500

// Sweep deletes what no longer means anything: sessions that expired longer
// ago than the retention, log-ins of command-line programs and authorization codes
// that expired long ago, in batches, and sessions and keys that came into being while their owner
// or project was being deleted. It may run on several replicas at once.
func (a *App) Sweep(ctx context.Context) error {
	for _, sweep := range []func() (int, error){
		func() (int, error) { return a.Store.SweepSessions(ctx, a.settings.ExpiredRetention, sweepBatch) },
		func() (int, error) { return a.Store.SweepCLILogins(ctx, sweepBatch) },
		func() (int, error) { return a.Store.SweepAuthorizationCodes(ctx, sweepBatch) },
	} {
		for deleted := sweepBatch; deleted == sweepBatch; {
			var err error
			if deleted, err = sweep(); err != nil {
				return err
			}
		}
	}
	return a.Store.SweepOrphans(ctx)
}
