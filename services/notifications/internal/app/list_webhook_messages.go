package app

import (
	"context"

	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// ListWebhookMessages lists messages, newest first, and the cursor of the next
// page if there is one.
func (a *App) ListWebhookMessages(ctx context.Context, eventType string, page Page) ([]webhook.Message, *string, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return nil, nil, err
	}
	from, limit, ok := page.read()
	if !ok {
		return nil, nil, nil
	}
	messages, err := a.Store.WebhookMessages(ctx, tenant, eventType, from, limit+1)
	if err != nil {
		return nil, nil, err
	}
	messages, next := cut(messages, limit, func(m *webhook.Message) int64 { return m.Seq })
	return messages, next, nil
}
