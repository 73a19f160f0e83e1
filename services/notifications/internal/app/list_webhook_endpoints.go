package app

import (
	"context"

	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// ListWebhookEndpoints lists the project's endpoints, oldest first.
func (a *App) ListWebhookEndpoints(ctx context.Context) ([]webhook.Endpoint, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return nil, err
	}
	return a.Store.WebhookEndpoints(ctx, tenant)
}
