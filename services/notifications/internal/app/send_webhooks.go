package app

import (
	"context"
	"encoding/json"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// WebhookFact is something that happened of which projects are told.
type WebhookFact struct {
	ids.Tenant

	EventType string
	// Data is the payload as JSON.
	Data json.RawMessage
	// Resource and Version place the fact among others about the same: those
	// without a version are told of in the order in which they are sent.
	Resource   string
	Version    int64
	OccurredAt time.Time
	// Awaits is a resource whose fact of type AwaitsType is told first if it
	// comes in time; empty for none.
	Awaits, AwaitsType string
}

// WantsWebhooks reports whether the project has anybody to tell.
func (a *App) WantsWebhooks(ctx context.Context, projectID string) (bool, error) {
	return a.Store.HasWebhookEndpoints(ctx, projectID)
}

// SendWebhooks tells the project's endpoints of facts, in the transaction that
// ctx carries if there is one.
func (a *App) SendWebhooks(ctx context.Context, facts ...WebhookFact) error {
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		for _, fact := range facts {
			payload, err := webhookPayload(fact.EventType, fact.Data)
			if err != nil {
				return err
			}
			_, err = tx.CreateWebhookMessage(ctx, NewWebhookMessage{
				Tenant: fact.Tenant, ID: webhook.NewMessageID(), EventType: fact.EventType, Payload: payload,
				Resource: fact.Resource, Version: fact.Version, OccurredAt: fact.OccurredAt,
				Awaits: fact.Awaits, AwaitsType: fact.AwaitsType,
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// webhookPayload is the body of a delivery (notifications.md §7.1).
func webhookPayload(eventType string, data json.RawMessage) ([]byte, error) {
	return json.Marshal(struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}{eventType, data})
}
