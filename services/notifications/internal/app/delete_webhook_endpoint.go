package app

import (
	"context"
)

// DeleteWebhookEndpoint removes an endpoint. It fails with 404 when there is
// none.
func (a *App) DeleteWebhookEndpoint(ctx context.Context, endpointID string) error {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return err
	}
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		found, err := tx.DeleteWebhookEndpoint(ctx, tenant, endpointID)
		if err == nil && !found {
			err = errNoWebhookEndpoint()
		}
		return err
	})
}
