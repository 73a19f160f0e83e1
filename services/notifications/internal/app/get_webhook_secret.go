package app

import (
	"context"

	"vestibule.dev/pkg/secret"
)

// GetWebhookSecret fails with 404 when there is no such endpoint.
func (a *App) GetWebhookSecret(ctx context.Context, endpointID string) (secret.Secret, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return "", err
	}
	key, found, err := a.Store.WebhookSecret(ctx, tenant, endpointID)
	if err == nil && !found {
		err = errNoWebhookEndpoint()
	}
	return key, err
}
