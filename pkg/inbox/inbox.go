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

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"
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
// carries, which it joins with RunTx or Querier of the same DB. The effects of
// other events of the same project may be part of it. It must not call another
// service.
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
	// Wanted reports whether events of a project have any effect at present; nil
	// means that they have. It is asked once for a batch, in its transaction.
	Wanted func(ctx context.Context, projectID string) (bool, error)
	Handle Handler
}

// maxDeliveries is how often an event is tried before it is parked.
const maxDeliveries = 12

// retention is how long an event is recognised; longer than the outbox can
// replay.
const retention = 30 * 24 * time.Hour

// once applies events exactly once per consumer.
type once struct {
	db       *pg.DB
	consumer string
	concerns func(event *eventsv1.Envelope) bool
	wanted   func(ctx context.Context, projectID string) (bool, error)
	handle   Handler
	logger   *slog.Logger
}

// delivery is a message and the event in it.
type delivery struct {
	msg   jetstream.Msg
	event *eventsv1.Envelope
	id    [16]byte
	// err says why the message is no event.
	err error
}

func read(msg jetstream.Msg) delivery {
	d := delivery{msg: msg, event: &eventsv1.Envelope{}}
	err := proto.Unmarshal(msg.Data(), d.event)
	if err == nil {
		d.id, err = uuid.Parse(d.event.GetId())
	}
	if err != nil {
		d.err = fmt.Errorf("inbox: not an event: %w", err)
	}
	return d
}

// apply has the effects of events of one project, in their order, except of those
// that had them before: of all, or after an error of none. It costs one statement
// beside those of the handler and that of Wanted, whatever their number.
func (o *once) apply(ctx context.Context, batch ...delivery) error {
	var eventIDs [][16]byte
	for _, d := range batch {
		if d.err != nil {
			return d.err
		}
		if o.concerns == nil || o.concerns(d.event) {
			eventIDs = append(eventIDs, d.id)
		}
	}
	if len(eventIDs) == 0 {
		return nil
	}
	project := batch[0].event.GetProjectId()
	return o.db.RunTx(tenancy.ForProject(ctx, project), func(ctx context.Context, tx pgx.Tx) error {
		wanted := true
		if o.wanted != nil {
			var err error
			if wanted, err = o.wanted(ctx, project); err != nil {
				return err
			}
		}
		fresh, err := o.receive(ctx, tx, eventIDs, wanted)
		if err != nil || !wanted {
			return err
		}
		for _, d := range batch {
			if !fresh[d.id] {
				continue
			}
			delete(fresh, d.id) // it may come twice
			if err := o.call(ctx, d.event); err != nil {
				return err
			}
		}
		return nil
	})
}

// receive remembers events and returns those that are new. Their rows are written
// in one order, so that replicas with the same events do not block each other.
// Nobody waits for the disk where nothing else is written: events without effect
// may come again.
func (o *once) receive(ctx context.Context, tx pgx.Tx, eventIDs [][16]byte, durably bool) (fresh map[[16]byte]bool, err error) {
	rows, err := tx.Query(ctx, `-- name: ReceiveEvents
INSERT INTO inbox (consumer, event_id)
SELECT $1, id FROM unnest($2::uuid[]) AS id
WHERE $3 OR (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
ORDER BY id
ON CONFLICT ON CONSTRAINT inbox_pkey DO NOTHING
RETURNING event_id`, o.consumer, eventIDs, durably)
	if err != nil {
		return nil, err
	}
	received, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
	fresh = make(map[[16]byte]bool, len(received))
	for _, id := range received {
		fresh[id] = true
	}
	return fresh, err
}

// begin returns a context in which what is done and said belongs to the trace and
// the request that caused the event.
func (o *once) begin(ctx context.Context, event *eventsv1.Envelope) (context.Context, trace.Span) {
	ctx = principal.NewRequestContext(ctx, principal.Request{ID: event.GetRequestId()})
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": event.GetTrace()})
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx, trace.SpanFromContext(ctx)
	}
	return otel.Tracer("vestibule.dev/pkg/inbox").Start(ctx, "process "+o.consumer, trace.WithSpanKind(trace.SpanKindConsumer))
}

// call turns a panic of the handler into an error: an event that brings the
// process down would do so again after every restart and never be parked.
func (o *once) call(ctx context.Context, event *eventsv1.Envelope) (err error) {
	ctx, span := o.begin(ctx, event)
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("inbox: handler panicked: %v\n%s", cause, debug.Stack())
		}
		if err != nil {
			span.SetStatus(codes.Error, "the event failed")
		}
		span.End()
	}()
	return o.handle(ctx, event)
}

// park puts an event aside that failed too often.
func (o *once) park(ctx context.Context, d delivery, attempts uint64, cause error) error {
	if d.id == uuid.Nil {
		// Nothing that an outbox wrote; there is nothing to come back to.
		o.logger.ErrorContext(ctx, "dropped a message that is not an event", "consumer", o.consumer, "error", cause)
		return nil
	}
	event := d.event
	_, err := o.db.Querier(ctx).Exec(ctx, `
INSERT INTO inbox_parked (consumer, event_id, subject, payload, attempts, last_error) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT ON CONSTRAINT inbox_parked_pkey DO UPDATE SET attempts = excluded.attempts, last_error = excluded.last_error, parked_at = now()`,
		o.consumer, d.id, event.GetSubject(), d.msg.Data(), int64(attempts), cause.Error())
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
