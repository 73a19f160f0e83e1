package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/domain/webhook"
	"vestibule.dev/services/notifications/internal/postgres/db"
)

// awaitFirst is how long a message waits for one that should come first.
const awaitFirst = 10 * time.Second

func (t *tx) CreateWebhookEndpoint(ctx context.Context, endpoint *webhook.Endpoint, key secret.Secret, most int) (created bool, err error) {
	if err := t.queries.LockWebhookEndpoints(ctx, db.LockWebhookEndpointsParams{ProjectID: endpoint.ProjectID, BranchID: endpoint.BranchID}); err != nil {
		return false, err
	}
	row, err := t.queries.CreateWebhookEndpoint(ctx, db.CreateWebhookEndpointParams{
		ProjectID: endpoint.ProjectID, BranchID: endpoint.BranchID, ID: endpoint.ID,
		Url: endpoint.URL, Description: endpoint.Description, FilterTypes: list(endpoint.FilterTypes), Disabled: endpoint.Disabled,
		Secret: t.store.sealWebhookSecret(endpoint.Tenant, endpoint.ID, key), Most: int32(most),
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	endpoint.CreatedAt, endpoint.UpdatedAt = row.CreatedAt, row.UpdatedAt
	return err == nil, err
}

func (t *tx) LockWebhookEndpoint(ctx context.Context, tenant ids.Tenant, endpointID string) (*webhook.Endpoint, error) {
	row, err := t.queries.LockWebhookEndpoint(ctx, db.LockWebhookEndpointParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: endpointID})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return webhookEndpoint(row), nil
}

func (t *tx) UpdateWebhookEndpoint(ctx context.Context, endpoint *webhook.Endpoint) (err error) {
	endpoint.UpdatedAt, err = t.queries.UpdateWebhookEndpoint(ctx, db.UpdateWebhookEndpointParams{
		ProjectID: endpoint.ProjectID, BranchID: endpoint.BranchID, ID: endpoint.ID,
		Url: endpoint.URL, Description: endpoint.Description, FilterTypes: list(endpoint.FilterTypes), Disabled: endpoint.Disabled,
		FailingSince: endpoint.FailingSince,
	})
	return err
}

func (t *tx) RotateWebhookSecret(ctx context.Context, tenant ids.Tenant, endpointID string, key secret.Secret, overlap time.Duration) (found bool, err error) {
	rows, err := t.queries.RotateWebhookSecret(ctx, db.RotateWebhookSecretParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: endpointID,
		NewSecret: t.store.sealWebhookSecret(tenant, endpointID, key), OverlapSeconds: overlap.Seconds(),
	})
	return rows > 0, err
}

// DeleteWebhookEndpoint takes the lanes first, as those who finish deliveries
// do: nobody waits for each other.
func (t *tx) DeleteWebhookEndpoint(ctx context.Context, tenant ids.Tenant, endpointID string) (found bool, err error) {
	if err := t.queries.DeleteWebhookEndpointLanes(ctx, db.DeleteWebhookEndpointLanesParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, EndpointID: endpointID,
	}); err != nil {
		return false, err
	}
	rows, err := t.queries.DeleteWebhookEndpoint(ctx, db.DeleteWebhookEndpointParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: endpointID,
	})
	return rows > 0, err
}

func (t *tx) CreateWebhookMessage(ctx context.Context, message app.NewWebhookMessage) (created bool, err error) {
	created, err = t.queries.CreateWebhookMessage(ctx, db.CreateWebhookMessageParams{
		ProjectID: message.ProjectID, BranchID: message.BranchID, ID: message.ID,
		EventType: message.EventType, Payload: message.Payload,
		Resource: message.Resource, Version: message.Version, OccurredAt: message.OccurredAt,
		Unfiltered: message.Unfiltered,
		Awaits:     message.Awaits, AwaitsType: message.AwaitsType, AwaitSeconds: awaitFirst.Seconds(),
	})
	if created {
		pg.NotifyAfterCommit(ctx, WebhookChannel)
	}
	return created, err
}

func (t *tx) ReplayWebhookMessages(ctx context.Context, replay app.WebhookReplay) (messages int64, err error) {
	messages, err = t.queries.ReplayWebhookMessages(ctx, db.ReplayWebhookMessagesParams{
		ProjectID: replay.ProjectID, BranchID: replay.BranchID, EndpointID: replay.EndpointID, MessageID: replay.MessageID,
		Since: replay.Since, Until: replay.Until, Kind: string(replay.Only),
	})
	pg.NotifyAfterCommit(ctx, WebhookChannel)
	return messages, err
}

func (t *tx) WakeWebhookLanes(ctx context.Context, tenant ids.Tenant, endpointID string) error {
	pg.NotifyAfterCommit(ctx, WebhookChannel)
	return t.queries.WakeWebhookLanes(ctx, db.WakeWebhookLanesParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, EndpointID: endpointID})
}

func (t *tx) LockWebhookLane(ctx context.Context, claim app.WebhookClaim) error {
	_, err := t.queries.LockWebhookLane(ctx, db.LockWebhookLaneParams{
		ProjectID: claim.ProjectID, BranchID: claim.BranchID, EndpointID: claim.EndpointID, Resource: claim.Resource, WorkerID: claim.WorkerID,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return domain.ErrClaimLost
	}
	return err
}

func (t *tx) SaveWebhookAttempt(ctx context.Context, call app.WebhookCall, outcome webhook.Outcome, status webhook.Status) error {
	params := db.SaveWebhookAttemptParams{
		ProjectID: call.ProjectID, BranchID: call.BranchID, ID: webhook.NewAttemptID(),
		EndpointID: call.EndpointID, MessageID: call.MessageID, EventType: call.EventType,
		Attempt: int32(call.Attempts + 1), Status: string(status), Succeeded: outcome.Succeeded(),
		DurationMs: float64(outcome.Duration) / float64(time.Millisecond), ResponseBody: outcome.Body, Error: orNull(outcome.Problem),
	}
	if outcome.Status != 0 {
		answered := int32(outcome.Status)
		params.ResponseStatus = &answered
	}
	return t.queries.SaveWebhookAttempt(ctx, params)
}

func (t *tx) AdvanceWebhookLane(ctx context.Context, claim app.WebhookClaim) error {
	return t.queries.AdvanceWebhookLane(ctx, db.AdvanceWebhookLaneParams{
		ProjectID: claim.ProjectID, BranchID: claim.BranchID, EndpointID: claim.EndpointID, Resource: claim.Resource,
	})
}

func (t *tx) PostponeWebhookLane(ctx context.Context, claim app.WebhookClaim, wait time.Duration) error {
	return t.queries.PostponeWebhookLane(ctx, db.PostponeWebhookLaneParams{
		ProjectID: claim.ProjectID, BranchID: claim.BranchID, EndpointID: claim.EndpointID, Resource: claim.Resource, WorkerID: claim.WorkerID,
		WaitSeconds: wait.Seconds(),
	})
}

func (t *tx) WebhookSucceeded(ctx context.Context, claim app.WebhookClaim) error {
	return t.queries.WebhookSucceeded(ctx, db.WebhookSucceededParams{ProjectID: claim.ProjectID, BranchID: claim.BranchID, ID: claim.EndpointID})
}

func (t *tx) WebhookFailed(ctx context.Context, claim app.WebhookClaim, patience time.Duration) (disabled bool, err error) {
	disabled, err = t.queries.WebhookFailed(ctx, db.WebhookFailedParams{
		ProjectID: claim.ProjectID, BranchID: claim.BranchID, ID: claim.EndpointID, PatienceSeconds: patience.Seconds(),
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil // nothing new
	}
	return disabled, err
}

// purgeWebhooks deletes what a project had of webhooks.
func (t *tx) purgeWebhooks(ctx context.Context, projectID string) error {
	for _, purge := range []func(context.Context, string) error{
		t.queries.PurgeWebhookLanes, t.queries.PurgeWebhookEndpoints, t.queries.PurgeWebhookDeliveries,
		t.queries.PurgeWebhookAttempts, t.queries.PurgeWebhookMessages,
	} {
		if err := purge(ctx, projectID); err != nil {
			return err
		}
	}
	return nil
}

// list is never null.
func list(values []string) []string {
	if values == nil {
		return []string{}
	}
	return values
}
