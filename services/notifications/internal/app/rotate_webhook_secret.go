package app

import (
	"context"

	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// RotateWebhookSecret gives an endpoint another secret, made up unless one is
// chosen; the one before signs as well for a day. It fails with SCHEMA_ERROR,
// and with 404 when there is no such endpoint.
func (a *App) RotateWebhookSecret(ctx context.Context, endpointID string, chosen *string) (secret.Secret, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return "", err
	}
	key, err := newWebhookSecret(chosen)
	if err != nil {
		return "", err
	}
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		found, err := tx.RotateWebhookSecret(ctx, tenant, endpointID, key, webhook.Overlap)
		if err == nil && !found {
			err = errNoWebhookEndpoint()
		}
		return err
	})
	return key, err
}
