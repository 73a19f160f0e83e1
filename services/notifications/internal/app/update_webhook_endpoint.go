package app

import (
	"context"

	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// UpdateWebhookEndpoint changes an endpoint. Enabling it has what it missed
// delivered and forgets for how long it failed. It fails with SCHEMA_ERROR, and
// with 404 when there is none.
func (a *App) UpdateWebhookEndpoint(ctx context.Context, endpointID string, fields WebhookEndpointPatch) (*webhook.Endpoint, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return nil, err
	}
	if err := fields.check(a.Receivers); err != nil {
		return nil, err
	}
	var endpoint *webhook.Endpoint
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		if endpoint, err = tx.LockWebhookEndpoint(ctx, tenant, endpointID); err != nil {
			return err
		}
		if endpoint == nil {
			return errNoWebhookEndpoint()
		}
		enabled := endpoint.Disabled && !fields.Disabled.Or(endpoint.Disabled)
		fields.applyTo(endpoint)
		if enabled {
			endpoint.FailingSince = nil
		}
		if err := tx.UpdateWebhookEndpoint(ctx, endpoint); err != nil {
			return err
		}
		if !enabled {
			return nil
		}
		return tx.WakeWebhookLanes(ctx, tenant, endpointID)
	})
	return endpoint, err
}
