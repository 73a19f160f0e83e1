package pgtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/secret"
)

// Gather begins calls while the lock of a statement is held, such as SELECT FROM
// users FOR UPDATE, and lets them go on at the same moment when so many of them
// wait: what a race hardly ever hits happens each time. It returns when all calls
// have.
func Gather(t testing.TB, database secret.Secret, lock string, waiting int, calls ...func()) {
	t.Helper()
	ctx := t.Context()
	connect := func() *pgx.Conn {
		conn, err := pgx.Connect(ctx, Superuser(t, database).Reveal())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	holder, watcher := connect(), connect()
	defer func() { _ = watcher.Close(context.Background()) }()
	letGo := sync.OnceFunc(func() { _ = holder.Close(context.Background()) }) // and with it the lock
	defer letGo()
	if _, err := holder.Exec(ctx, "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(ctx, lock); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, call := range calls {
		all.Go(call)
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	for {
		var gathered int
		if err := watcher.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND backend_type = 'client backend' AND wait_event_type = 'Lock'`).Scan(&gathered); err != nil {
			t.Fatal(err)
		}
		if gathered >= waiting {
			break
		}
		select {
		case <-done:
			t.Error("all calls have returned without waiting for the lock")
			return
		case <-time.After(time.Millisecond):
		}
	}
	letGo()
	<-done
}
