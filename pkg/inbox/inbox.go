package inbox

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/tenancy"
	eventsv1 "vestibule.dev/proto/events/v1"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations are the tables of this package.
func Migrations() migrate.Source {
	sub, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // the directory is embedded above
	}
	return migrate.Source{Name: "inbox", FS: sub}
}

// Handler has the effect of an event. It runs inside a transaction that ctx
// carries, which it joins with RunTx or Querier of the same DB. It must not call
// another service.
type Handler func(ctx context.Context, event *eventsv1.Envelope) error

// Subscription names the events a service wants of one context.
type Subscription struct {
	// Name distinguishes the subscriptions of one service; it is part of the
	// durable consumer's name and must not change.
	Name string
	// Context publishes the events, such as identity.
	Context string
	// Subjects are filters such as identity.v1.user.deleted.*.
	Subjects []string
	// Ordered keeps the events of one key in the order of the stream, whatever
	// fails or is killed: one replica at a time consumes, and an event that fails
	// holds up those behind it until it succeeds or is parked.
	Ordered bool
	// Key turns the aggregate of an ordered event into what order is kept within;
	// nil leaves it as it is.
	Key func(aggregate string) string
	// Concerns reports whether an event has any effect here; nil means that all
	// have. Those that have none cost no transaction.
	Concerns func(event *eventsv1.Envelope) bool
	Handle   Handler
}

// maxDeliveries is how often an event is tried before it is parked.
const maxDeliveries = 12

// retention is how long an event is recognised; longer than the outbox can
// replay.
const retention = 30 * 24 * time.Hour

// once applies an event exactly once per consumer.
type once struct {
	db       *pg.DB
	consumer string
	concerns func(event *eventsv1.Envelope) bool
	handle   Handler
	logger   *slog.Logger
}

// apply has the event's effect unless it had it before.
func (o *once) apply(ctx context.Context, payload []byte) (*eventsv1.Envelope, error) {
	event := &eventsv1.Envelope{}
	if err := proto.Unmarshal(payload, event); err != nil {
		return nil, fmt.Errorf("inbox: not an envelope: %w", err)
	}
	if o.concerns != nil && !o.concerns(event) {
		return event, nil
	}
	ctx, span := o.begin(ctx, event)
	defer span.End()
	err := o.db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `-- name: ReceiveEvent
INSERT INTO inbox (consumer, event_id) VALUES ($1, $2) ON CONFLICT ON CONSTRAINT inbox_pkey DO NOTHING`,
			o.consumer, event.GetId())
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return o.call(ctx, event)
	})
	if err != nil {
		span.SetStatus(codes.Error, "the event failed")
	}
	return event, err
}

// begin returns a context in which what is done and said belongs to the event's
// project, and to the trace and the request that caused it.
func (o *once) begin(ctx context.Context, event *eventsv1.Envelope) (context.Context, trace.Span) {
	ctx = principal.NewRequestContext(ctx, principal.Request{ID: event.GetRequestId()})
	ctx = tenancy.ForProject(ctx, event.GetProjectId())
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": event.GetTrace()})
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx, trace.SpanFromContext(ctx)
	}
	return otel.Tracer("vestibule.dev/pkg/inbox").Start(ctx, "process "+o.consumer, trace.WithSpanKind(trace.SpanKindConsumer))
}

// call turns a panic of the handler into an error: an event that brings the
// process down would do so again after every restart and never be parked.
func (o *once) call(ctx context.Context, event *eventsv1.Envelope) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("inbox: handler panicked: %v\n%s", cause, debug.Stack())
		}
	}()
	return o.handle(ctx, event)
}

// park puts an event aside that failed too often.
func (o *once) park(ctx context.Context, event *eventsv1.Envelope, payload []byte, attempts uint64, cause error) error {
	if event.GetId() == "" {
		// Nothing that an outbox wrote; there is nothing to come back to.
		o.logger.ErrorContext(ctx, "dropped a message that is not an event", "consumer", o.consumer, "error", cause)
		return nil
	}
	_, err := o.db.Querier(ctx).Exec(ctx, `
INSERT INTO inbox_parked (consumer, event_id, subject, payload, attempts, last_error) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT ON CONSTRAINT inbox_parked_pkey DO UPDATE SET attempts = excluded.attempts, last_error = excluded.last_error, parked_at = now()`,
		o.consumer, event.GetId(), event.GetSubject(), payload, int64(attempts), cause.Error())
	if err != nil {
		return errors.Join(cause, err)
	}
	o.logger.ErrorContext(ctx, "parked an event", "consumer", o.consumer, "event", event.GetId(), "subject", event.GetSubject(), "error", cause)
	return nil
}

// Parked counts the events that were put aside and wait for an operator.
func Parked(ctx context.Context, db *pg.DB) (int64, error) {
	var n int64
	err := db.Querier(ctx).QueryRow(ctx, `SELECT count(*) FROM inbox_parked`).Scan(&n)
	return n, err
}

// Purge forgets events that can no longer be delivered, in bounded steps.
func Purge(ctx context.Context, db *pg.DB) error {
	const batch = 1000
	for {
		tag, err := db.Querier(ctx).Exec(ctx, `
DELETE FROM inbox WHERE (consumer, event_id) IN (
    SELECT consumer, event_id FROM inbox WHERE received_at < now() - $1::interval ORDER BY received_at LIMIT $2
)`, retention, batch)
		if err != nil || tag.RowsAffected() < batch {
			return err
		}
	}
}
