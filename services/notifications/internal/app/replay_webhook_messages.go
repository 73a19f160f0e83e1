package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/apierr"
)

// ReplayWebhookMessages sends messages of a time to an endpoint again and
// returns how many. It fails with SCHEMA_ERROR when the time ends before it
// begins, and with 404 when there is no such endpoint.
func (a *App) ReplayWebhookMessages(ctx context.Context, endpointID string, since time.Time, until *time.Time, only ReplayOnly) (int64, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return 0, err
	}
	replay := WebhookReplay{Tenant: tenant, EndpointID: endpointID, Since: since, Until: a.Clock.Now(), Only: only}
	if until != nil {
		replay.Until = *until
	}
	if replay.Until.Before(since) {
		return 0, apierr.SchemaError("body.until_millis must not come before body.since_millis")
	}
	return a.replay(ctx, replay)
}

func (a *App) replay(ctx context.Context, replay WebhookReplay) (messages int64, err error) {
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		endpoint, err := tx.LockWebhookEndpoint(ctx, replay.Tenant, replay.EndpointID)
		if err != nil {
			return err
		}
		if endpoint == nil {
			return errNoWebhookEndpoint()
		}
		messages, err = tx.ReplayWebhookMessages(ctx, replay)
		return err
	})
	return messages, err
}
