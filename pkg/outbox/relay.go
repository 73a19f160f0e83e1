package outbox

import (
	"cmp"
	"context"
	"hash/fnv"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"vestibule.dev/pkg/pg"
)

const (
	batchSize    = 500
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

// drain publishes batch after batch until nothing waits.
func (r *Relay) drain(ctx context.Context, conn *pgx.Conn) error {
	for {
		n, err := r.batch(ctx, conn)
		if err != nil || n < batchSize {
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

// batch publishes the oldest events that wait and marks those the stream has. It
// costs two statements.
//
// It asks for what is unpublished, never for what follows the last one: rows
// become visible in the order of their commits, not of their numbers.
func (r *Relay) batch(ctx context.Context, conn *pgx.Conn) (n int, err error) {
	rows, err := conn.Query(ctx, `-- name: UnpublishedEvents
SELECT id::text, subject, aggregate, payload FROM outbox WHERE published_at IS NULL ORDER BY seq LIMIT $1`, batchSize)
	if err != nil {
		return 0, err
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e event, err error) {
		return e, row.Scan(&e.id, &e.subject, &e.aggregate, &e.payload)
	})
	if err != nil {
		return 0, err
	}
	published, publishErr := r.publish(ctx, events)
	if len(published) > 0 {
		if _, err := conn.Exec(ctx, markPublished, published); err != nil {
			return 0, err
		}
	}
	return len(events), publishErr
}

// publish returns the ids of the events that the stream has, and the first
// error. Where one event fails, those of its aggregate wait and others do not.
func (r *Relay) publish(ctx context.Context, events []event) (published []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	published, left := r.publishTogether(ctx, events)
	failed := map[string]bool{}
	for _, e := range left {
		if failed[e.aggregate] {
			continue
		}
		if publishErr := r.publishAlone(ctx, e); publishErr != nil {
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
// has, and those that are left, in order.
func (r *Relay) publishTogether(ctx context.Context, events []event) (published []string, left []event) {
	type flight struct {
		future jetstream.PubAckFuture
		span   trace.Span
	}
	flights := make([]flight, 0, len(events))
	after := ""
	for _, e := range events {
		future, err := r.publisher.PublishAsync(e.subject, e.id, after, e.payload)
		if err != nil {
			break
		}
		flights = append(flights, flight{future, startPublish(ctx, e)})
		after = e.id
	}
	for i, f := range flights {
		if err := acknowledged(ctx, f.future); err != nil {
			left = append(left, events[i])
		} else {
			published = append(published, events[i].id)
		}
		f.span.End()
	}
	return published, append(left, events[len(flights):]...)
}

// publishAlone sends one event and waits until the stream has it.
func (r *Relay) publishAlone(ctx context.Context, e event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	span := startPublish(ctx, e)
	defer span.End()
	future, err := r.publisher.PublishAsync(e.subject, e.id, "", e.payload)
	if err != nil {
		return err
	}
	return acknowledged(ctx, future)
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
