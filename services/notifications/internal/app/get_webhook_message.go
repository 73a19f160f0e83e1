package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

func errNoWebhookMessage() error {
	return apierr.Text(http.StatusNotFound, "The project has no such webhook message.")
}

// GetWebhookMessage fails with 404 when there is none.
func (a *App) GetWebhookMessage(ctx context.Context, messageID string) (*webhook.Message, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return nil, err
	}
	message, err := a.Store.WebhookMessage(ctx, tenant, messageID)
	if err == nil && message == nil {
		err = errNoWebhookMessage()
	}
	return message, err
}
