package outbox

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"vestibule.dev/pkg/pg"
)

const (
	batchSize = 500
	// batchBytes bounds what a batch takes in memory, but for its last event.
	batchBytes   = 8 << 20
	pollInterval = time.Second
	// breather is the time between two turns. An event that comes alone is
	// published at once; those that come in quick succession share a turn, with
	// what it costs.
	breather   = 10 * time.Millisecond
	ackTimeout = 5 * time.Second
	// Published events are kept for Replay.
	retention = 14 * 24 * time.Hour
	// purgeBatch bounds how many rows one clean-up statement removes.
	purgeBatch = 1000
)

// Publisher stores events on the stream; *bus.Bus is one.
type Publisher interface {
	EnsureStream(ctx context.Context, service string) error
	PublishAsync(subject, id, after string, payload []byte) (jetstream.PubAckFuture, error)
}

// Relay publishes what the outbox holds. Every replica of a service runs one;
// one of them at a time does the work.
type Relay struct {
	db        *pg.DB
	publisher Publisher
	service   string
	logger    *slog.Logger
}

// NewRelay returns a relay for the outbox of one service.
func NewRelay(db *pg.DB, publisher Publisher, service string, logger *slog.Logger) *Relay {
	return &Relay{db: db, publisher: publisher, service: service, logger: logger}
}

// Run publishes until ctx ends. Outages of database and stream only delay it.
func (r *Relay) Run(ctx context.Context) error {
	return r.db.Lead(ctx, lockKey(r.service), func(ctx context.Context, conn *pgx.Conn) error {
		var ready, failing bool
		var rested, purged time.Time
		// An outage is told once, not every second.
		report := func(err error) {
			if err != nil && !failing && ctx.Err() == nil {
				r.logger.WarnContext(ctx, "events wait for the stream", "error", err)
			}
			if err == nil && failing {
				r.logger.InfoContext(ctx, "events are published again")
			}
			failing = err != nil
		}
		return r.db.ListenOn(ctx, conn, channel, pollInterval, func(ctx context.Context) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Until(rested)):
			}
			defer func() { rested = time.Now().Add(breather) }()
			if !ready {
				if err := r.publisher.EnsureStream(ctx, r.service); err != nil {
					report(err)
					return
				}
				ready = true
			}
			err := r.drain(ctx, conn)
			report(err)
			// The stream may have been wiped.
			ready = err == nil
			if time.Since(purged) > time.Hour {
				purged = time.Now()
				if err := purge(ctx, conn); err != nil && ctx.Err() == nil {
					r.logger.WarnContext(ctx, "published events were not purged", "error", err)
				}
			}
		})
	})
}

// drain publishes batch after batch until nothing waits. What the stream will
// never take, and what waits for that, is passed over: others are not to wait
// for it too.
func (r *Relay) drain(ctx context.Context, conn *pgx.Conn) (err error) {
	held := map[string]bool{}
	for {
		more, batchErr := r.batch(ctx, conn, held)
		err = cmp.Or(err, batchErr)
		if !more || batchErr != nil && !errors.Is(batchErr, nats.ErrMaxPayload) {
			return err
		}
	}
}

type event struct {
	id        string
	subject   string
	aggregate string
	payload   []byte
}

// markPublished does not wait for the disk: an event whose mark is lost is
// published again, which is harmless. It asks for ids alone. Would it also ask for
// published_at, Postgres, which knows that usually nothing waits, would read all
// that does for each batch.
const markPublished = `-- name: MarkPublished
UPDATE outbox SET published_at = now() WHERE id = ANY($1::uuid[])
  AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'`

// batch publishes the oldest events that wait, those of held aggregates
// excepted, and marks those the stream has, in two statements. It reports whether
// more may wait.
//
// It asks for what is unpublished, never for what follows the last one: rows
// become visible in the order of their commits, not of their numbers. The sizes
// are summed up without the payloads being read.
func (r *Relay) batch(ctx context.Context, conn *pgx.Conn, held map[string]bool) (more bool, err error) {
	rows, err := conn.Query(ctx, `-- name: UnpublishedEvents
SELECT id::text, subject, aggregate, payload
FROM (
    SELECT id, seq, subject, aggregate, payload,
           sum(octet_length(payload)) OVER (ORDER BY seq) - octet_length(payload) AS bytes_before
    FROM (
        SELECT id, seq, subject, aggregate, payload FROM outbox
        WHERE published_at IS NULL AND aggregate <> ALL($2::text[]) ORDER BY seq LIMIT $1
    ) oldest
) batch
WHERE bytes_before < $3
ORDER BY seq`, batchSize, slices.AppendSeq([]string{}, maps.Keys(held)), batchBytes)
	if err != nil {
		return false, err
	}
	var bytes int
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e event, err error) {
		err = row.Scan(&e.id, &e.subject, &e.aggregate, &e.payload)
		bytes += len(e.payload)
		return e, err
	})
	if err != nil {
		return false, err
	}
	published, publishErr := r.publish(ctx, events, held)
	if len(published) > 0 {
		if _, err := conn.Exec(ctx, markPublished, published); err != nil {
			return false, err
		}
	}
	return len(events) == batchSize || bytes >= batchBytes, publishErr
}

// publish returns the ids of the events that the stream has, and the first
// error. Where one event fails, those of its aggregate wait and others do not.
// Aggregates with an event that is too large for the stream are added to held.
func (r *Relay) publish(ctx context.Context, events []event, held map[string]bool) (published []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	published, left, err := r.publishTogether(ctx, events, held)
	failed := map[string]bool{}
	for _, e := range left {
		if failed[e.aggregate] || held[e.aggregate] {
			continue
		}
		if publishErr := r.publishAlone(ctx, e, held); publishErr != nil {
			failed[e.aggregate] = true
			err = cmp.Or(err, publishErr)
			continue
		}
		published = append(published, e.id)
	}
	return published, err
}

// publishTogether sends events in the order of the outbox without waiting for
// any of them. Each says which one it follows, and the stream takes it only right
// after that one; so the stream has no event without those before it, whatever
// becomes of some on the way. It returns the ids of the events that the stream
// has, those to try again, in order, and the first error of those not to.
func (r *Relay) publishTogether(ctx context.Context, events []event, held map[string]bool) (published []string, left []event, err error) {
	type flight struct {
		event  event
		future jetstream.PubAckFuture
		span   trace.Span
	}
	flights := make([]flight, 0, len(events))
	var unsent []event
	after := ""
	for i, e := range events {
		if held[e.aggregate] {
			continue
		}
		future, sendErr := r.send(e, after, held)
		if errors.Is(sendErr, nats.ErrMaxPayload) {
			err = cmp.Or(err, sendErr)
			continue
		}
		if sendErr != nil {
			unsent = events[i:]
			break
		}
		flights = append(flights, flight{e, future, startPublish(ctx, e)})
		after = e.id
	}
	for _, f := range flights {
		if acknowledged(ctx, f.future) == nil {
			published = append(published, f.event.id)
		} else {
			left = append(left, f.event)
		}
		f.span.End()
	}
	return published, append(left, unsent...), err
}

// publishAlone sends one event and waits until the stream has it.
func (r *Relay) publishAlone(ctx context.Context, e event, held map[string]bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	span := startPublish(ctx, e)
	defer span.End()
	future, err := r.send(e, "", held)
	if err != nil {
		return err
	}
	return acknowledged(ctx, future)
}

// send begins to send an event. When it is too large for the stream, its
// aggregate is held.
func (r *Relay) send(e event, after string, held map[string]bool) (jetstream.PubAckFuture, error) {
	future, err := r.publisher.PublishAsync(e.subject, e.id, after, e.payload)
	if errors.Is(err, nats.ErrMaxPayload) {
		held[e.aggregate] = true
	}
	return future, err
}

// acknowledged waits until the stream has an event or has refused it.
func acknowledged(ctx context.Context, future jetstream.PubAckFuture) error {
	select {
	case <-future.Ok():
		return nil
	case err := <-future.Err():
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// purge removes events that were published long ago, in bounded steps.
func purge(ctx context.Context, conn *pgx.Conn) error {
	for {
		tag, err := conn.Exec(ctx, `
DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox WHERE created_at < now() - $1::interval AND published_at IS NOT NULL ORDER BY created_at LIMIT $2
)`, retention, purgeBatch)
		if err != nil || tag.RowsAffected() < purgeBatch {
			return err
		}
	}
}

// Replay makes the relay publish again what was created during the last since,
// by the database's clock, under the same ids, and returns the number of
// events. Consumers ignore those they know.
func Replay(ctx context.Context, db *pg.DB, since time.Duration) (int64, error) {
	tag, err := db.Querier(ctx).Exec(ctx, `
WITH again AS (
    UPDATE outbox SET published_at = NULL WHERE created_at >= now() - $1::interval AND published_at IS NOT NULL RETURNING 1
)
SELECT pg_notify('`+channel+`', '') FROM again`, since)
	return tag.RowsAffected(), err
}

// ReadStatus tells how far the relay is behind.
func ReadStatus(ctx context.Context, db *pg.DB) (Status, error) {
	var status Status
	var seconds float64
	err := db.Querier(ctx).QueryRow(ctx, `
SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM outbox WHERE published_at IS NULL`).Scan(&status.Unpublished, &seconds)
	status.OldestAge = time.Duration(seconds * float64(time.Second))
	return status, err
}

// lockKey is the advisory lock that makes one replica's relay the leader.
func lockKey(service string) int64 {
	hash := fnv.New64a()
	hash.Write([]byte("outbox/" + service))
	return int64(hash.Sum64())
}
