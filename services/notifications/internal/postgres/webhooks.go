package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain/webhook"
	"vestibule.dev/services/notifications/internal/postgres/db"
)

// WebhookChannel is notified whenever something is due.
const WebhookChannel = "webhooks"

// purgeBatch is how many rows of a table are deleted at a time.
const purgeBatch = 1000

// sealWebhookSecret encrypts a secret for one endpoint. It has the same place
// as current and as old one, so that a rotation only moves it.
func (s *Store) sealWebhookSecret(tenant ids.Tenant, endpointID string, key secret.Secret) []byte {
	return s.box.Seal([]byte(key.Reveal()), "webhook_endpoints", "secret", tenant.ProjectID, tenant.BranchID, endpointID)
}

func (s *Store) openWebhookSecret(tenant ids.Tenant, endpointID string, sealed []byte) (secret.Secret, error) {
	plain, err := s.box.Open(sealed, "webhook_endpoints", "secret", tenant.ProjectID, tenant.BranchID, endpointID)
	if err != nil {
		return "", fmt.Errorf("open the secret of webhook endpoint %s: %w", endpointID, err)
	}
	return secret.Secret(plain), nil
}

func webhookEndpoint(row db.WebhookEndpoint) *webhook.Endpoint {
	return &webhook.Endpoint{
		Tenant:       ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID},
		ID:           row.ID,
		URL:          row.Url,
		Description:  row.Description,
		FilterTypes:  row.FilterTypes,
		Disabled:     row.Disabled,
		FailingSince: row.FailingSince,
		CreatedAt:    row.CreatedAt,
		UpdatedAt:    row.UpdatedAt,
	}
}

// HasWebhookEndpoints implements app.WebhookStore.
func (s *Store) HasWebhookEndpoints(ctx context.Context, projectID string) (bool, error) {
	return s.queries(ctx).HasWebhookEndpoints(ctx, projectID)
}

// WebhookEndpoints implements app.WebhookStore.
func (s *Store) WebhookEndpoints(ctx context.Context, tenant ids.Tenant) ([]webhook.Endpoint, error) {
	rows, err := s.queries(ctx).WebhookEndpoints(ctx, db.WebhookEndpointsParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID})
	if err != nil {
		return nil, err
	}
	endpoints := make([]webhook.Endpoint, 0, len(rows))
	for _, row := range rows {
		endpoints = append(endpoints, *webhookEndpoint(row))
	}
	return endpoints, nil
}

// WebhookEndpoint implements app.WebhookStore.
func (s *Store) WebhookEndpoint(ctx context.Context, tenant ids.Tenant, endpointID string) (*webhook.Endpoint, error) {
	row, err := s.queries(ctx).WebhookEndpoint(ctx, db.WebhookEndpointParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: endpointID})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return webhookEndpoint(row), nil
}

// WebhookSecret implements app.WebhookStore.
func (s *Store) WebhookSecret(ctx context.Context, tenant ids.Tenant, endpointID string) (secret.Secret, bool, error) {
	sealed, err := s.queries(ctx).WebhookSecret(ctx, db.WebhookSecretParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: endpointID})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	key, err := s.openWebhookSecret(tenant, endpointID, sealed)
	return key, true, err
}

// WebhookMessages implements app.WebhookStore.
func (s *Store) WebhookMessages(ctx context.Context, tenant ids.Tenant, eventType string, from int64, limit int) ([]webhook.Message, error) {
	rows, err := s.queries(ctx).WebhookMessages(ctx, db.WebhookMessagesParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, EventType: eventType, FromSeq: from, MaxRows: int32(limit),
	})
	if err != nil {
		return nil, err
	}
	messages := make([]webhook.Message, 0, len(rows))
	for _, row := range rows {
		messages = append(messages, webhookMessage(db.WebhookMessageRow(row)))
	}
	return messages, s.addDeliveries(ctx, tenant, messages)
}

// WebhookMessage implements app.WebhookStore.
func (s *Store) WebhookMessage(ctx context.Context, tenant ids.Tenant, messageID string) (*webhook.Message, error) {
	row, err := s.queries(ctx).WebhookMessage(ctx, db.WebhookMessageParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: messageID})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	messages := []webhook.Message{webhookMessage(row)}
	return &messages[0], s.addDeliveries(ctx, tenant, messages)
}

func webhookMessage(row db.WebhookMessageRow) webhook.Message {
	return webhook.Message{ID: row.ID, EventType: row.EventType, Payload: row.Payload, CreatedAt: row.CreatedAt, Seq: row.Seq}
}

// addDeliveries tells of each message what has become of it.
func (s *Store) addDeliveries(ctx context.Context, tenant ids.Tenant, messages []webhook.Message) error {
	index := make(map[string]*webhook.Message, len(messages))
	messageIDs := make([]string, 0, len(messages))
	for i := range messages {
		index[messages[i].ID] = &messages[i]
		messageIDs = append(messageIDs, messages[i].ID)
	}
	rows, err := s.queries(ctx).WebhookDeliveries(ctx, db.WebhookDeliveriesParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, MessageIds: messageIDs,
	})
	if err != nil {
		return err
	}
	for _, row := range rows {
		message := index[row.MessageID]
		message.Deliveries = append(message.Deliveries, webhook.Delivery{
			EndpointID: row.EndpointID, Status: webhook.Status(row.Status), Attempts: int(row.Attempts), NextAttemptAt: row.NextAttemptAt,
		})
	}
	return nil
}

// WebhookAttempts implements app.WebhookStore.
func (s *Store) WebhookAttempts(ctx context.Context, tenant ids.Tenant, filter app.WebhookAttemptFilter, from int64, limit int) ([]webhook.Attempt, error) {
	rows, err := s.queries(ctx).WebhookAttempts(ctx, db.WebhookAttemptsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, EndpointID: filter.EndpointID, MessageID: filter.MessageID,
		Succeeded: filter.Succeeded, FromSeq: from, MaxRows: int32(limit),
	})
	if err != nil {
		return nil, err
	}
	attempts := make([]webhook.Attempt, 0, len(rows))
	for _, row := range rows {
		attempt := webhook.Attempt{
			ID: row.ID, MessageID: row.MessageID, EndpointID: row.EndpointID, EventType: row.EventType,
			Number: int(row.Attempt), CreatedAt: row.CreatedAt, Seq: row.Seq,
			Outcome: webhook.Outcome{
				Body: row.ResponseBody, Problem: text(row.Error), Duration: time.Duration(row.DurationMs * float64(time.Millisecond)),
			},
		}
		if row.ResponseStatus != nil {
			attempt.Status = int(*row.ResponseStatus)
		}
		attempts = append(attempts, attempt)
	}
	return attempts, nil
}

// QueuedWebhookEndpoints implements app.WebhookStore.
func (s *Store) QueuedWebhookEndpoints(ctx context.Context) ([]app.QueuedWebhookEndpoint, error) {
	rows, err := s.queries(ctx).QueuedWebhookEndpoints(ctx)
	if err != nil {
		return nil, err
	}
	endpoints := make([]app.QueuedWebhookEndpoint, 0, len(rows))
	for _, row := range rows {
		endpoints = append(endpoints, app.QueuedWebhookEndpoint{
			Tenant: ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID}, ID: row.ID, Failing: row.Failing,
		})
	}
	return endpoints, nil
}

// ClaimWebhooks implements app.WebhookStore.
func (s *Store) ClaimWebhooks(ctx context.Context, endpoint app.QueuedWebhookEndpoint, limit int, lease time.Duration) ([]app.WebhookCall, error) {
	workerID := ids.NewUUID()
	rows, err := s.queries(ctx).ClaimWebhooks(ctx, db.ClaimWebhooksParams{
		ProjectID: endpoint.ProjectID, BranchID: endpoint.BranchID, EndpointID: endpoint.ID,
		WorkerID: workerID, LeaseSeconds: lease.Seconds(), MaxRows: int32(limit),
	})
	if err != nil {
		return nil, err
	}
	calls := make([]app.WebhookCall, 0, len(rows))
	for _, row := range rows {
		call := app.WebhookCall{
			WebhookClaim: app.WebhookClaim{Tenant: endpoint.Tenant, EndpointID: endpoint.ID, Resource: row.Resource, WorkerID: workerID},
			MessageID:    row.ID, EventType: row.EventType, URL: row.Url, Payload: row.Payload,
			Attempts: int(row.Attempts), Failing: row.Failing,
		}
		for _, sealed := range [][]byte{row.Secret, row.OldSecret} {
			if sealed == nil {
				continue
			}
			key, err := s.openWebhookSecret(endpoint.Tenant, endpoint.ID, sealed)
			call.Secrets, call.Unreadable = append(call.Secrets, key), errors.Join(call.Unreadable, err)
		}
		calls = append(calls, call)
	}
	return calls, nil
}

// ParkWebhookLanes implements app.WebhookStore.
func (s *Store) ParkWebhookLanes(ctx context.Context) error {
	return s.queries(ctx).ParkWebhookLanes(ctx)
}

// PurgeWebhooks implements app.WebhookStore.
func (s *Store) PurgeWebhooks(ctx context.Context, age time.Duration) (more bool, err error) {
	queries, seconds := s.queries(ctx), age.Seconds()
	for _, purge := range []func() (int64, error){
		func() (int64, error) {
			return queries.PurgeOldWebhookAttempts(ctx, db.PurgeOldWebhookAttemptsParams{AgeSeconds: seconds, MaxRows: purgeBatch})
		},
		func() (int64, error) {
			return queries.PurgeOldWebhookDeliveries(ctx, db.PurgeOldWebhookDeliveriesParams{AgeSeconds: seconds, MaxRows: purgeBatch})
		},
		func() (int64, error) {
			return queries.PurgeOldWebhookMessages(ctx, db.PurgeOldWebhookMessagesParams{AgeSeconds: seconds, MaxRows: purgeBatch})
		},
		func() (int64, error) {
			return queries.PurgeOldWebhookLanes(ctx, db.PurgeOldWebhookLanesParams{AgeSeconds: seconds, MaxRows: purgeBatch})
		},
	} {
		rows, err := purge()
		if err != nil {
			return false, err
		}
		more = more || rows == purgeBatch
	}
	return more, nil
}

// RecentlyDeletedProjects implements app.Store.
func (s *Store) RecentlyDeletedProjects(ctx context.Context) ([]string, error) {
	return s.queries(ctx).RecentlyDeletedProjects(ctx)
}
