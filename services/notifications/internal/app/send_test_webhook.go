package app

import (
	"context"
	"encoding/json"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

const (
	// testPolls is how often the outcome of a test message is looked for, and
	// testPoll the time between.
	testPolls = 12
	testPoll  = 250 * time.Millisecond
)

// SendTestWebhook sends a message of type stack.test to all endpoints of the
// project and waits for the attempt at one. It returns what went wrong, or
// nothing; that is an answer and not an error.
func (a *App) SendTestWebhook(ctx context.Context, endpointID string) (problem string, err error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return "", err
	}
	endpoint, err := a.Store.WebhookEndpoint(ctx, tenant, endpointID)
	if err != nil {
		return "", err
	}
	if endpoint == nil {
		return "The project has no such webhook endpoint.", nil
	}
	data, err := json.Marshal(map[string]string{
		"message": "This is a test of your webhook endpoint.", "endpointUrl": endpoint.URL,
	})
	if err != nil {
		return "", err
	}
	payload, err := webhookPayload(webhook.Test, data)
	if err != nil {
		return "", err
	}
	message := NewWebhookMessage{
		Tenant: tenant, ID: webhook.NewMessageID(), EventType: webhook.Test, Payload: payload, OccurredAt: a.Clock.Now(), Unfiltered: true,
	}
	message.Resource = "test/" + message.ID // waits for nothing
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		_, err := tx.CreateWebhookMessage(ctx, message)
		return err
	})
	if err != nil {
		return "", err
	}
	if endpoint.Disabled {
		return "The endpoint is disabled.", nil
	}
	return a.awaitAttempt(ctx, WebhookAttemptFilter{EndpointID: endpointID, MessageID: message.ID})
}

func (a *App) awaitAttempt(ctx context.Context, filter WebhookAttemptFilter) (problem string, err error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return "", err
	}
	for range testPolls {
		attempts, err := a.Store.WebhookAttempts(ctx, tenant, filter, 0, 1)
		if err != nil {
			return "", err
		}
		if len(attempts) > 0 {
			return attempts[0].Explain(), nil
		}
		select {
		case <-ctx.Done():
			return "", apierr.Unavailable(time.Second).WithCause(ctx.Err())
		case <-time.After(testPoll):
		}
	}
	return "The endpoint has not answered yet.", nil
}
