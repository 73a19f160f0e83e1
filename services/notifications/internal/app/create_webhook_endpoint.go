package app

import (
	"context"
	"fmt"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// CreateWebhookEndpoint adds an endpoint to the project and returns its secret,
// made up unless one is chosen. It fails with SCHEMA_ERROR.
func (a *App) CreateWebhookEndpoint(ctx context.Context, fields WebhookEndpointPatch, chosen *string) (*webhook.Endpoint, secret.Secret, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := fields.check(a.Receivers); err != nil {
		return nil, "", err
	}
	key, err := newWebhookSecret(chosen)
	if err != nil {
		return nil, "", err
	}
	endpoint := webhook.Endpoint{Tenant: tenant, ID: webhook.NewEndpointID()}
	fields.applyTo(&endpoint)
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		created, err := tx.CreateWebhookEndpoint(ctx, &endpoint, key, webhook.MaxEndpoints)
		if err == nil && !created {
			return apierr.Text(http.StatusBadRequest, fmt.Sprintf("The project has %d webhook endpoints; there cannot be more.", webhook.MaxEndpoints))
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return &endpoint, key, nil
}
