package app

import (
	"context"
)

// ResendWebhookMessage sends one message to one endpoint again. It fails with
// 404 when there is no such endpoint or message.
func (a *App) ResendWebhookMessage(ctx context.Context, messageID, endpointID string) error {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return err
	}
	messages, err := a.replay(ctx, WebhookReplay{Tenant: tenant, EndpointID: endpointID, MessageID: messageID, Only: ReplayAll})
	if err == nil && messages == 0 {
		return errNoWebhookMessage()
	}
	return err
}
