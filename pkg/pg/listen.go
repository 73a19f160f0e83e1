package pg

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/tenancy"
)

// connect opens a connection outside the pool: a listener or a leader keeps
// one for hours and must not take it from the requests. Both work for all
// projects.
func (db *DB) connect(ctx context.Context) (*pgx.Conn, error) {
	config := db.pool.Config().ConnConfig.Copy()
	config.RuntimeParams["statement_timeout"] = "0"
	config.RuntimeParams[tenancy.Setting] = tenancy.All
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
			err = db.ListenOn(ctx, conn, channel, interval, wake)
			_ = conn.Close(context.WithoutCancel(ctx))
		}
		if err != nil && sleep(ctx, time.Second) != nil {
			return nil
		}
	}
	return nil
}

// ListenOn is Listen on a connection of the caller, until ctx ends or conn
// breaks.
func (db *DB) ListenOn(ctx context.Context, conn *pgx.Conn, channel string, interval time.Duration, wake func(ctx context.Context)) error {
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return classify(err)
	}
	local, leave := db.listeners.join(channel)
	defer leave()
	for {
		wake(ctx)
		err := await(ctx, conn, interval, local)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// await returns after a notification from the server or from this process, and
// after the interval at the latest.
func await(ctx context.Context, conn *pgx.Conn, interval time.Duration, local <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, interval)
	defer cancel()
	go func() {
		select {
		case <-local:
			cancel()
		case <-ctx.Done():
		}
	}()
	_, err := conn.WaitForNotification(ctx)
	if err != nil && (ctx.Err() == nil || conn.IsClosed()) {
		return err
	}
	return nil
}

// listeners are those of this process, by channel. Telling them costs no
// statement.
type listeners struct {
	mu        sync.Mutex
	byChannel map[string]map[chan struct{}]bool
}

// join adds a listener, until it leaves.
func (l *listeners) join(channel string) (wake <-chan struct{}, leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byChannel == nil {
		l.byChannel = map[string]map[chan struct{}]bool{}
	}
	if l.byChannel[channel] == nil {
		l.byChannel[channel] = map[chan struct{}]bool{}
	}
	// One wake-up may wait while the listener is at work.
	c := make(chan struct{}, 1)
	l.byChannel[channel][c] = true
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.byChannel[channel], c)
	}
}

// tell wakes the listeners of a channel and reports whether there are any.
func (l *listeners) tell(channel string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.byChannel[channel] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	return len(l.byChannel[channel]) > 0
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
