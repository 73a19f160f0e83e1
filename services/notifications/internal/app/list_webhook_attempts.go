package app

import (
	"context"

	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// ListWebhookAttempts lists attempts, newest first, and the cursor of the next
// page if there is one. It fails with 404 when the endpoint or message does not
// exist.
func (a *App) ListWebhookAttempts(ctx context.Context, filter WebhookAttemptFilter, page Page) ([]webhook.Attempt, *string, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return nil, nil, err
	}
	if filter.EndpointID != "" {
		_, err = a.GetWebhookEndpoint(ctx, filter.EndpointID)
	} else {
		_, err = a.GetWebhookMessage(ctx, filter.MessageID)
	}
	if err != nil {
		return nil, nil, err
	}
	from, limit, ok := page.read()
	if !ok {
		return nil, nil, nil
	}
	attempts, err := a.Store.WebhookAttempts(ctx, tenant, filter, from, limit+1)
	if err != nil {
		return nil, nil, err
	}
	attempts, next := cut(attempts, limit, func(attempt *webhook.Attempt) int64 { return attempt.Seq })
	return attempts, next, nil
}
