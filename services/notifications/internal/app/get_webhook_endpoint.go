package app

import (
	"context"

	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// GetWebhookEndpoint fails with 404 when there is none.
func (a *App) GetWebhookEndpoint(ctx context.Context, endpointID string) (*webhook.Endpoint, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return nil, err
	}
	endpoint, err := a.Store.WebhookEndpoint(ctx, tenant, endpointID)
	if err == nil && endpoint == nil {
		err = errNoWebhookEndpoint()
	}
	return endpoint, err
}
