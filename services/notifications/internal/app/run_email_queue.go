package app

import (
	"context"
	"crypto/subtle"
	"net/http"

	"vestibule.dev/pkg/apierr"
)

// RunEmailQueue makes the workers of all replicas look at the queue now
// (notifications.md §5.3). authorization is the header of a scheduled call.
func (a *App) RunEmailQueue(ctx context.Context, authorization string) error {
	if err := a.authorizeSchedule(authorization); err != nil {
		return err
	}
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error { return tx.WakeWorkers(ctx) })
}

// authorizeSchedule refuses calls without the installation's secret. Without a
// secret nobody may make them.
func (a *App) authorizeSchedule(authorization string) error {
	want := "Bearer " + a.cfg.CronSecret.Reveal()
	if a.cfg.CronSecret == "" || subtle.ConstantTimeCompare([]byte(authorization), []byte(want)) != 1 {
		return apierr.Text(http.StatusUnauthorized, "The secret for scheduled calls is wrong.")
	}
	return nil
}
