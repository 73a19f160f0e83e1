package pg

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// connect opens a connection outside the pool: a listener or a leader keeps
// one for hours and must not take it from the requests.
func (db *DB) connect(ctx context.Context) (*pgx.Conn, error) {
	config := db.pool.Config().ConnConfig.Copy()
	config.RuntimeParams["statement_timeout"] = "0"
	conn, err := pgx.ConnectConfig(ctx, config)
	return conn, classify(err)
}

// Lead runs fn while this process holds the advisory lock key, and waits for
// the lock otherwise, until ctx ends. At most one process of all that call it
// runs fn. fn gets the connection that holds the lock, for LISTEN and cheap
// statements; when the connection breaks, fn's context ends and Lead starts
// over. It returns when ctx ends.
func (db *DB) Lead(ctx context.Context, key int64, fn func(ctx context.Context, conn *pgx.Conn) error) error {
	const retry = time.Second
	for {
		err := db.leadOnce(ctx, key, fn)
		if ctx.Err() != nil {
			return nil
		}
		_ = err // told by whoever watches the database; here it only means: again
		if err := sleep(ctx, retry); err != nil {
			return nil
		}
	}
}

func (db *DB) leadOnce(ctx context.Context, key int64, fn func(ctx context.Context, conn *pgx.Conn) error) error {
	conn, err := db.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for {
		var leads bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", key).Scan(&leads); err != nil {
			return err
		}
		if leads {
			return fn(ctx, conn)
		}
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

// Listen calls wake after every notification on the channel, at start and at
// least every interval, until ctx ends. Notifications sent while the connection
// was down are made up for by the next call.
func (db *DB) Listen(ctx context.Context, channel string, interval time.Duration, wake func(ctx context.Context)) error {
	for ctx.Err() == nil {
		conn, err := db.connect(ctx)
		if err == nil {
			if _, err = conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err == nil {
				err = AwaitNotifications(ctx, conn, interval, wake)
			}
			_ = conn.Close(context.WithoutCancel(ctx))
		}
		if err != nil && sleep(ctx, time.Second) != nil {
			return nil
		}
	}
	return nil
}

// AwaitNotifications calls wake at once, after every notification that conn
// receives and at least every interval, until ctx ends or conn breaks.
func AwaitNotifications(ctx context.Context, conn *pgx.Conn, interval time.Duration, wake func(ctx context.Context)) error {
	for {
		wake(ctx)
		waitCtx, cancel := context.WithTimeout(ctx, interval)
		_, err := conn.WaitForNotification(waitCtx)
		timedOut := waitCtx.Err() != nil
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && (!timedOut || conn.IsClosed()) {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
