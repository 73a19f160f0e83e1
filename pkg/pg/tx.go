package pg

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"vestibule.dev/pkg/tenancy"
)

// maxAttempts bounds how often a transaction is repeated after conflicts with
// others.
const maxAttempts = 6

type (
	// txKey is the context key of one DB's ambient transaction, a transaction.
	txKey struct{ db *DB }
	// notifyKey is the context key of what the innermost transaction of any DB
	// notifies.
	notifyKey struct{}
)

// ambient returns the transaction that ctx carries for this DB.
func (db *DB) ambient(ctx context.Context) *transaction {
	tx, _ := ctx.Value(txKey{db}).(*transaction)
	return tx
}

// NotifyAfterCommit notifies the channel once the transaction that ctx carries
// has committed. It reports false, and does nothing, when ctx carries none.
//
// A NOTIFY inside the transaction would make every commit wait for the one
// before it: Postgres lets one notifying transaction commit at a time. Listeners
// must poll as well, since a crash between commit and notification loses it.
func NotifyAfterCommit(ctx context.Context, channel string) bool {
	channels, ok := ctx.Value(notifyKey{}).(*[]string)
	if ok && !slices.Contains(*channels, channel) {
		*channels = append(*channels, channel)
	}
	return ok
}

// RunTx runs fn in one transaction and commits when fn returns nil.
//
// When ctx already carries a transaction of this DB, fn runs in that one and
// the outer RunTx commits. After a serialization failure or a deadlock the
// whole transaction is rolled back and fn runs again, so fn must have no other
// effects than its statements, and in particular must not call another service.
//
// The context given to fn carries the transaction; statements of fn must use it.
// For whom a transaction works is decided when it begins.
func (db *DB) RunTx(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx) error) error {
	if tx := db.ambient(ctx); tx != nil {
		if err := db.check(ctx, tx); err != nil {
			return err
		}
		return fn(ctx, tx)
	}
	ctx, err := db.scoped(ctx)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		err := db.runOnce(ctx, fn)
		if err == nil || !retryable(err) || attempt == maxAttempts {
			return classify(err)
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

func (db *DB) runOnce(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx) error) error {
	var channels []string
	if err := db.runOn(context.WithValue(ctx, notifyKey{}, &channels), fn); err != nil {
		return err
	}
	for _, channel := range channels {
		db.notify(channel)
	}
	return nil
}

// runOn takes a connection for a transaction and gives it back, also when fn
// panics.
func (db *DB) runOn(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx) error) error {
	conn, err := db.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	scope, _ := tenancy.Scope(ctx)
	tx := &transaction{conn: conn.Conn(), scope: scope}
	return tx.run(context.WithValue(ctx, txKey{db}, tx), fn)
}

// notify tells listeners without making anybody wait: those of this process if
// there are any, which is the rule, and else those of other processes.
// Notifications that are not yet on their way are sent as one.
func (db *DB) notify(channel string) {
	if db.listeners.tell(channel) {
		return
	}
	if _, waiting := db.notifying.LoadOrStore(channel, true); waiting {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(tenancy.ForNoProject(db.background), time.Second)
		defer cancel()
		// A commit from here on needs a notification of its own.
		db.notifying.Delete(channel)
		// A lost notification is made up for by polling.
		_, _ = poolQuerier{db}.Exec(ctx, "SELECT pg_notify($1, '')", channel)
	}()
}

// pause waits a few jittered milliseconds, longer after each attempt.
func pause(ctx context.Context, attempt int) error {
	limit := 5 * time.Millisecond << attempt
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(limit))))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// retryable reports whether repeating the transaction can help.
func retryable(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "40001" || pgErr.Code == "40P01")
}
