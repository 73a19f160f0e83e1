package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// WebhookStore reads webhooks and claims what is to be delivered.
type WebhookStore interface {
	// HasWebhookEndpoints reports whether any branch of the project has one.
	HasWebhookEndpoints(ctx context.Context, projectID string) (bool, error)
	WebhookEndpoints(ctx context.Context, tenant ids.Tenant) ([]webhook.Endpoint, error)
	// WebhookEndpoint returns nil when there is none.
	WebhookEndpoint(ctx context.Context, tenant ids.Tenant, endpointID string) (*webhook.Endpoint, error)
	// WebhookSecret returns false when there is no such endpoint.
	WebhookSecret(ctx context.Context, tenant ids.Tenant, endpointID string) (secret.Secret, bool, error)
	// WebhookMessages lists messages with their deliveries, newest first, from
	// the one numbered from on; 0 means the newest. An empty type is any.
	WebhookMessages(ctx context.Context, tenant ids.Tenant, eventType string, from int64, limit int) ([]webhook.Message, error)
	// WebhookMessage returns nil when there is none.
	WebhookMessage(ctx context.Context, tenant ids.Tenant, messageID string) (*webhook.Message, error)
	// WebhookAttempts lists attempts, newest first, from the one numbered from
	// on; 0 means the newest.
	WebhookAttempts(ctx context.Context, tenant ids.Tenant, filter WebhookAttemptFilter, from int64, limit int) ([]webhook.Attempt, error)

	// QueuedWebhookEndpoints lists the endpoints that have something due, in no
	// particular order.
	QueuedWebhookEndpoints(ctx context.Context) ([]QueuedWebhookEndpoint, error)
	// ClaimWebhooks claims the first delivery of lanes that are due, for as long
	// as the lease.
	ClaimWebhooks(ctx context.Context, endpoint QueuedWebhookEndpoint, limit int, lease time.Duration) ([]WebhookCall, error)

	// ParkWebhookLanes puts lanes of disabled endpoints aside and takes those of
	// enabled ones back.
	ParkWebhookLanes(ctx context.Context) error
	// PurgeWebhooks deletes some of what is older than age, and reports whether
	// there is more.
	PurgeWebhooks(ctx context.Context, age time.Duration) (more bool, err error)
}

// WebhookTx writes webhooks.
type WebhookTx interface {
	// CreateWebhookEndpoint fills in what the database decides, and reports
	// false when the project has too many endpoints or was deleted.
	CreateWebhookEndpoint(ctx context.Context, endpoint *webhook.Endpoint, key secret.Secret, most int) (created bool, err error)
	// LockWebhookEndpoint waits for other changes of the endpoint; it returns
	// nil when there is none.
	LockWebhookEndpoint(ctx context.Context, tenant ids.Tenant, endpointID string) (*webhook.Endpoint, error)
	// UpdateWebhookEndpoint writes what a patch may change.
	UpdateWebhookEndpoint(ctx context.Context, endpoint *webhook.Endpoint) error
	// RotateWebhookSecret makes the current secret the old one for the time of
	// the overlap.
	RotateWebhookSecret(ctx context.Context, tenant ids.Tenant, endpointID string, key secret.Secret, overlap time.Duration) (found bool, err error)
	DeleteWebhookEndpoint(ctx context.Context, tenant ids.Tenant, endpointID string) (found bool, err error)

	// CreateWebhookMessage inserts the message, and a delivery for each endpoint
	// that wants it. It reports false, and does nothing, when the project has no
	// endpoint or was deleted.
	CreateWebhookMessage(ctx context.Context, message NewWebhookMessage) (created bool, err error)
	// ReplayWebhookMessages makes deliveries to the endpoint pending.
	ReplayWebhookMessages(ctx context.Context, replay WebhookReplay) (messages int64, err error)
	// WakeWebhookLanes makes the lanes of an endpoint that were put aside due.
	WakeWebhookLanes(ctx context.Context, tenant ids.Tenant, endpointID string) error

	// LockWebhookLane fails with domain.ErrClaimLost when the claim is no longer
	// held.
	LockWebhookLane(ctx context.Context, claim WebhookClaim) error
	// SaveWebhookAttempt records the attempt and what becomes of the delivery.
	SaveWebhookAttempt(ctx context.Context, call WebhookCall, outcome webhook.Outcome, status webhook.Status) error
	// AdvanceWebhookLane gives the lane back, due at once if there is more in
	// it, and lets what waits for it go.
	AdvanceWebhookLane(ctx context.Context, claim WebhookClaim) error
	// PostponeWebhookLane gives the lane back for a while.
	PostponeWebhookLane(ctx context.Context, claim WebhookClaim, wait time.Duration) error
	// WebhookSucceeded records that the endpoint no longer fails.
	WebhookSucceeded(ctx context.Context, claim WebhookClaim) error
	// WebhookFailed records that the endpoint fails, and disables it when it has
	// done so for longer than patience.
	WebhookFailed(ctx context.Context, claim WebhookClaim, patience time.Duration) (disabled bool, err error)
}

// WebhookAttemptFilter says which attempts are listed: those at an endpoint or
// of a message.
type WebhookAttemptFilter struct {
	EndpointID, MessageID string
	// Succeeded is nil for both kinds.
	Succeeded *bool
}

// NewWebhookMessage is a message to be sent.
type NewWebhookMessage struct {
	ids.Tenant

	ID        string
	EventType string
	Payload   []byte
	// Resource is what the message is about; messages about the same are sent
	// one after the other, in the order of version and arrival.
	Resource   string
	Version    int64
	OccurredAt time.Time
	// Awaits is a resource whose messages come first if they are there in time;
	// empty for none.
	Awaits, AwaitsType string
	// Unfiltered messages go to all endpoints, whatever they are limited to.
	Unfiltered bool
}

// WebhookReplay says what is sent again, and to which endpoint.
type WebhookReplay struct {
	ids.Tenant

	EndpointID string
	// MessageID limits the replay to one message; empty for none.
	MessageID string
	// Since is inclusive, Until is not; both are ignored for one message.
	Since, Until time.Time
	Only         ReplayOnly
}

// ReplayOnly limits a replay.
type ReplayOnly string

// What a replay is limited to.
const (
	ReplayAll     ReplayOnly = "all"
	ReplayFailed  ReplayOnly = "failed"
	ReplayMissing ReplayOnly = "missing"
)

// QueuedWebhookEndpoint is an endpoint that has something due.
type QueuedWebhookEndpoint struct {
	ids.Tenant

	ID string
	// Failing endpoints get less attention.
	Failing bool
}

// WebhookClaim is one worker's hold on one lane. The worker's id is new for
// every claim.
type WebhookClaim struct {
	ids.Tenant

	EndpointID, Resource string
	WorkerID             string
}

// WebhookCall is a delivery claimed by a worker.
type WebhookCall struct {
	WebhookClaim

	MessageID string
	EventType string
	URL       string
	Payload   []byte
	// Attempts is how many have failed before.
	Attempts int
	// Failing says that the endpoint failed the last time.
	Failing bool
	// Secrets sign the delivery, the current one first.
	Secrets []secret.Secret
	// Unreadable is set when what the row holds cannot be opened.
	Unreadable error
}

// Receivers are the endpoints of projects, out on the Internet.
type Receivers interface {
	// Check refuses URLs that are never called, with a sentence that says why.
	Check(url string) error
	// Post calls an endpoint. It always has an outcome.
	Post(ctx context.Context, call WebhookCall) webhook.Outcome
}
