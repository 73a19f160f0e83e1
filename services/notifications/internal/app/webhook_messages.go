package app

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// WebhookFact is something that happened of which projects are told.
type WebhookFact struct {
	ids.Tenant

	EventType string
	// Data is the payload as JSON.
	Data json.RawMessage
	// Resource, Version and OccurredAt place the fact among others about the
	// same.
	Resource   string
	Version    int64
	OccurredAt time.Time
	// Awaits is a resource whose fact of type AwaitsType is told first if it
	// comes in time; empty for none.
	Awaits, AwaitsType string
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

// Page is a part of a list. Its cursor is the number of the first item, as the
// page before told it; empty for the first page.
type Page struct {
	Cursor string
	// Limit is 0 for the default.
	Limit int
}

const defaultPage = 50

// read returns where the page begins. An unknown cursor begins nowhere.
func (p Page) read() (from int64, limit int, ok bool) {
	limit = p.Limit
	if limit == 0 {
		limit = defaultPage
	}
	if p.Cursor == "" {
		return 0, limit, true
	}
	from, err := strconv.ParseInt(p.Cursor, 10, 64)
	return from, limit, err == nil && from > 0
}

// cut splits off the item that tells where the next page begins.
func cut[T any](items []T, limit int, seq func(*T) int64) (page []T, next *string) {
	if len(items) <= limit {
		return items, nil
	}
	cursor := strconv.FormatInt(seq(&items[limit]), 10)
	return items[:limit], &cursor
}

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

// ReplayWebhookMessages sends messages of a time to an endpoint again and
// returns how many. It fails with SCHEMA_ERROR when the time ends before it
// begins, and with 404 when there is no such endpoint.
func (a *App) ReplayWebhookMessages(ctx context.Context, endpointID string, since time.Time, until *time.Time, only ReplayOnly) (int64, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return 0, err
	}
	replay := WebhookReplay{Tenant: tenant, EndpointID: endpointID, Since: since, Until: a.Clock.Now(), Only: only}
	if until != nil {
		replay.Until = *until
	}
	if replay.Until.Before(since) {
		return 0, apierr.SchemaError("body.until_millis must not come before body.since_millis")
	}
	return a.replay(ctx, replay)
}

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

func (a *App) replay(ctx context.Context, replay WebhookReplay) (messages int64, err error) {
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		endpoint, err := tx.LockWebhookEndpoint(ctx, replay.Tenant, replay.EndpointID)
		if err != nil {
			return err
		}
		if endpoint == nil {
			return errNoWebhookEndpoint()
		}
		messages, err = tx.ReplayWebhookMessages(ctx, replay)
		return err
	})
	return messages, err
}
