package courier

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/pg"
)

const (
	// batchSize is how many mails a worker hands over at the same time.
	batchSize = 16
	// deliverTimeout bounds one handing over; lease is longer, so that no other
	// worker takes a mail that is on its way.
	deliverTimeout = 10 * time.Second
	lease          = 30 * time.Second
	// pollInterval bounds how long a mail waits whose wake-up was lost.
	pollInterval = time.Second
	// giveUp is when the links in a mail have expired.
	giveUp = 7 * 24 * time.Hour
)

// Deliver hands a mail over. It must be safe to call again with the same mail.
// A nil error means that the receiver has it.
type Deliver func(ctx context.Context, mail Mail) error

// Worker hands over the mails of one database. Every replica of a service runs
// one; they share the work.
type Worker struct {
	db      *pg.DB
	sealer  Sealer
	deliver Deliver
	logger  *slog.Logger
}

// NewWorker returns a Worker that hands over by deliver what was enqueued with
// the same sealer.
func NewWorker(db *pg.DB, sealer Sealer, deliver Deliver, logger *slog.Logger) *Worker {
	return &Worker{db: db, sealer: sealer, deliver: deliver, logger: logger}
}

// Run hands mails over until ctx ends. It holds no transaction meanwhile, and
// listens on a connection of its own outside the pool.
func (w *Worker) Run(ctx context.Context) error {
	return w.db.Listen(ctx, channel, pollInterval, func(ctx context.Context) {
		if err := w.drain(ctx); err != nil && ctx.Err() == nil {
			w.logger.WarnContext(ctx, "mails wait for the database", "error", err)
		}
	})
}

// drain works batch after batch until nothing is due.
func (w *Worker) drain(ctx context.Context) error {
	for ctx.Err() == nil {
		batch, err := w.claim(ctx)
		if err != nil || len(batch) == 0 {
			return err
		}
		var wg sync.WaitGroup
		for _, item := range batch {
			wg.Go(func() { w.handOver(ctx, item) })
		}
		wg.Wait()
		if len(batch) < batchSize {
			return nil
		}
	}
	return nil
}

// item is a claimed row. The attempt number is the token of its lease.
type item struct {
	projectID, id string
	payload       []byte
	attempt       int
	old           bool
}

// claim leases the mails that are due. A worker that dies leaves them to the
// others when the lease ends.
func (w *Worker) claim(ctx context.Context) ([]item, error) {
	rows, err := w.db.Querier(ctx).Query(ctx, `-- name: ClaimMails
UPDATE courier_mails SET attempts = attempts + 1, next_attempt_at = now() + $1::interval
WHERE (project_id, id) IN (
    SELECT project_id, id FROM courier_mails WHERE next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING project_id, id::text, payload, attempts, created_at < now() - $3::interval`, lease, batchSize, giveUp)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (i item, err error) {
		return i, row.Scan(&i.projectID, &i.id, &i.payload, &i.attempt, &i.old)
	})
}

func (w *Worker) handOver(ctx context.Context, i item) {
	logger := w.logger.With("project_id", i.projectID, "mail_id", i.id, "attempt", i.attempt)
	err := w.try(ctx, i)
	if ctx.Err() != nil && err != nil {
		return // the lease ends and another worker takes it
	}
	switch {
	case err == nil:
		err = w.finish(ctx, i)
	case i.old:
		logger.ErrorContext(ctx, "a mail could not be handed over and is given up", "error", err)
		err = w.finish(ctx, i)
	default:
		logger.WarnContext(ctx, "a mail could not be handed over and will be tried again", "error", err)
		err = w.postpone(ctx, i)
	}
	if err != nil && ctx.Err() == nil {
		// The lease ends and the mail is handed over again, which the receiver
		// recognises.
		logger.WarnContext(ctx, "the outcome of a mail was not recorded", "error", err)
	}
}

func (w *Worker) try(ctx context.Context, i item) (err error) {
	plaintext, err := w.sealer.Open(i.payload, place(i.projectID, i.id)...)
	if err != nil {
		return err
	}
	var p parcel
	if err := json.Unmarshal(plaintext, &p); err != nil {
		// The decoder's error may repeat the content.
		return errors.New("courier: the mail cannot be read")
	}
	ctx, cancel := context.WithTimeout(p.context(ctx), deliverTimeout)
	defer cancel()
	return w.deliver(ctx, p.Mail)
}

func (w *Worker) finish(ctx context.Context, i item) error {
	_, err := w.db.Querier(ctx).Exec(ctx, `-- name: FinishMail
DELETE FROM courier_mails WHERE project_id = $1 AND id = $2`, i.projectID, i.id)
	return err
}

// postpone gives the lease back, unless it ended and another worker has the
// mail.
func (w *Worker) postpone(ctx context.Context, i item) error {
	_, err := w.db.Querier(ctx).Exec(ctx, `-- name: PostponeMail
UPDATE courier_mails SET next_attempt_at = now() + $4::interval
WHERE project_id = $1 AND id = $2 AND attempts = $3`, i.projectID, i.id, i.attempt, backoff(i.attempt))
	return err
}

// backoff is the wait before the next attempt: about 0.2 s, doubling up to five
// minutes, so that a mail leaves soon after an outage ends.
func backoff(attempt int) time.Duration {
	wait := min(100*time.Millisecond<<min(attempt, 12), 5*time.Minute)
	return wait/2 + rand.N(wait)
}
