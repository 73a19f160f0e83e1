package pg_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
)

var schema = migrate.Source{Name: "counters", FS: fstest.MapFS{
	"00001_init.sql": {Data: []byte("-- +goose Up\nCREATE TABLE counters (id text CONSTRAINT counters_pkey PRIMARY KEY, n int NOT NULL, note text);\nINSERT INTO counters VALUES ('a', 0), ('b', 0);\n")},
}}

func TestRunTx_error_rollsBack(t *testing.T) {
	db, ctx := pgtest.New(t, schema), t.Context()
	boom := errors.New("boom")
	err := db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE counters SET n = 1"); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("RunTx = %v, want %v", err, boom)
	}
	if n := counter(t, db, "a"); n != 0 {
		t.Errorf("n = %d after a rollback, want 0", n)
	}
}

func TestRunTx_nested_joinsTheOuterOne(t *testing.T) {
	url := pgtest.URL(t, schema)
	db, ctx := pgtest.Open(t, url, 1), t.Context()
	boom := errors.New("boom")
	err := db.RunTx(ctx, func(ctx context.Context, _ pgx.Tx) error {
		if err := db.RunTx(ctx, func(ctx context.Context, _ pgx.Tx) error {
			_, err := db.Querier(ctx).Exec(ctx, "UPDATE counters SET n = 1")
			return err
		}); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("RunTx = %v, want %v", err, boom)
	}
	if n := counter(t, db, "a"); n != 0 {
		t.Errorf("the inner transaction committed on its own")
	}
}

// Two transactions lock two rows in opposite order; one of them is chosen as
// the deadlock's victim and must be repeated.
func TestRunTx_deadlock_isRepeated(t *testing.T) {
	db, ctx := pgtest.New(t, schema), t.Context()
	var locked sync.WaitGroup
	locked.Add(2)
	increment := func(first, second string) error {
		var once sync.Once
		return db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "UPDATE counters SET n = n + 1 WHERE id = $1", first); err != nil {
				return err
			}
			once.Do(locked.Done)
			locked.Wait()
			_, err := tx.Exec(ctx, "UPDATE counters SET n = n + 1 WHERE id = $1", second)
			return err
		})
	}
	errs := make(chan error, 2)
	go func() { errs <- increment("a", "b") }()
	go func() { errs <- increment("b", "a") }()
	if err := errors.Join(<-errs, <-errs); err != nil {
		t.Fatal(err)
	}
	if a, b := counter(t, db, "a"), counter(t, db, "b"); a != 2 || b != 2 {
		t.Errorf("counters are %d and %d, want 2 and 2", a, b)
	}
}

func TestQuerier_poolExhausted_isUnavailable(t *testing.T) {
	db, err := pg.Open(t.Context(), pg.Config{
		URL: pgtest.URL(t, schema), MaxConns: 1, AcquireTimeout: 500 * time.Millisecond, AssumeAllProjects: true, Patient: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	// A busy machine may take longer than that to connect.
	connected := func() {
		t.Helper()
		for timeout := time.Now().Add(time.Minute); ; {
			err := db.Ping(t.Context())
			if err == nil {
				return
			}
			if time.Now().After(timeout) {
				t.Fatalf("the pool does not recover: %v", err)
			}
		}
	}
	connected()
	began := false
	err = db.RunTx(t.Context(), func(context.Context, pgx.Tx) error {
		began = true
		// A context without the transaction needs a second connection.
		var n int
		return db.Querier(t.Context()).QueryRow(t.Context(), "SELECT 1").Scan(&n)
	})
	wantStatus(t, err, http.StatusServiceUnavailable)
	if !began {
		t.Error("the transaction did not get the connection that was free")
	}
	connected()
}

func TestQuerier_serverAway_isUnavailable(t *testing.T) {
	db, err := pg.Open(t.Context(), pg.Config{URL: "postgres://nobody@127.0.0.1:1/nothing", NoProjects: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Querier(t.Context()).Exec(t.Context(), "SELECT 1")
	wantStatus(t, err, http.StatusServiceUnavailable)
}

func TestQuerier_killedConnection_recovers(t *testing.T) {
	url := pgtest.URL(t, schema)
	db, other, ctx := pgtest.Open(t, url, 1), pgtest.Open(t, url, 1), t.Context()
	if err := db.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	// The signal alone would let the connection live for a while.
	if n := ended(t, other); n != 1 {
		t.Fatalf("%d connections were ended, want 1", n)
	}
	// The first statement may find the broken connection; no later one may.
	_, err := db.Querier(ctx).Exec(ctx, "SELECT 1")
	if err != nil {
		wantStatus(t, err, http.StatusServiceUnavailable)
	}
	if n := counter(t, db, "a"); n != 0 {
		t.Errorf("n = %d", n)
	}
}

func TestQuerier_nullCharacter_isSchemaError(t *testing.T) {
	db, ctx := pgtest.New(t, schema), t.Context()
	_, err := db.Querier(ctx).Exec(ctx, "UPDATE counters SET note = $1", "a\x00b")
	wantStatus(t, err, http.StatusBadRequest)
}

func TestQuerier_rowsNotReadToTheEnd_giveTheConnectionBack(t *testing.T) {
	db, ctx := pgtest.Open(t, pgtest.URL(t, schema), 1), t.Context()
	for range 3 {
		var id string
		if err := db.Querier(ctx).QueryRow(ctx, "SELECT id FROM counters ORDER BY id").Scan(&id); err != nil || id != "a" {
			t.Fatalf("id = %q, %v", id, err)
		}
		if err := db.Querier(ctx).QueryRow(ctx, "SELECT id FROM counters WHERE false").Scan(&id); !errors.Is(err, pgx.ErrNoRows) {
			t.Fatalf("no rows: %v", err)
		}
	}
}

func TestConstraintName_violation_isNamed(t *testing.T) {
	db, ctx := pgtest.New(t, schema), t.Context()
	_, err := db.Querier(ctx).Exec(ctx, "INSERT INTO counters VALUES ('a', 1)")
	if name := pg.ConstraintName(err); name != "counters_pkey" {
		t.Errorf("ConstraintName(%v) = %q", err, name)
	}
}

func TestCountQueries_counts(t *testing.T) {
	db := pgtest.New(t, schema)
	ctx, n := pg.CountQueries(t.Context())
	if err := db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE counters SET n = 1")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if n.Load() != 1 {
		t.Errorf("counted %d statements, want 1", n.Load())
	}
}

func TestLead_oneLeaderAtATime_successorTakesOver(t *testing.T) {
	url := pgtest.URL(t, schema)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	leads := make(chan int, 2)
	var ended sync.WaitGroup
	stop := make([]context.CancelFunc, 2)
	for i := range 2 {
		db := pgtest.Open(t, url, 1)
		var replica context.Context
		replica, stop[i] = context.WithCancel(ctx)
		ended.Go(func() {
			_ = db.Lead(replica, 7, func(ctx context.Context, _ *pgx.Conn) error {
				leads <- i
				<-ctx.Done()
				return ctx.Err()
			})
		})
	}
	first := <-leads
	select {
	case i := <-leads:
		t.Fatalf("replica %d leads beside replica %d", i, first)
	default:
	}
	stop[first]()
	if second := <-leads; second == first {
		t.Errorf("replica %d leads again after it stopped", first)
	}
	cancel()
	ended.Wait()
}

func TestListen_notification_wakes(t *testing.T) {
	db := pgtest.New(t, schema)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wakes := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = db.Listen(ctx, "changes", time.Hour, func(ctx context.Context) {
			select {
			case wakes <- struct{}{}:
			case <-ctx.Done():
			}
		})
	}()
	<-wakes // at start, once it listens
	if _, err := db.Querier(ctx).Exec(ctx, "NOTIFY changes"); err != nil {
		t.Fatal(err)
	}
	<-wakes
	cancel()
	<-done
}

// ended ends all connections to a database but the one it uses, and returns how
// many there were.
func ended(t *testing.T, db *pg.DB) (n int) {
	t.Helper()
	if err := db.Querier(t.Context()).QueryRow(t.Context(),
		"SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func counter(t *testing.T, db *pg.DB, id string) (n int) {
	t.Helper()
	if err := db.Querier(t.Context()).QueryRow(t.Context(), "SELECT n FROM counters WHERE id = $1", id).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	var known *apierr.Error
	if !errors.As(err, &known) || known.HTTP != status {
		t.Fatalf("error = %v, want one with status %d", err, status)
	}
}

func TestNotifyAfterCommit_committedOnly(t *testing.T) {
	db := pgtest.New(t, schema)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wakes, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		_ = db.Listen(ctx, "changes", time.Hour, func(ctx context.Context) {
			select {
			case wakes <- struct{}{}:
			case <-ctx.Done():
			}
		})
	}()
	<-wakes // at start, once it listens
	if pg.NotifyAfterCommit(ctx, "changes") {
		t.Error("notified without a transaction")
	}
	boom := errors.New("boom")
	for _, result := range []error{boom, nil} {
		if err := db.RunTx(ctx, func(ctx context.Context, _ pgx.Tx) error {
			if !pg.NotifyAfterCommit(ctx, "changes") {
				t.Error("the transaction was not found")
			}
			return result
		}); !errors.Is(err, result) {
			t.Fatal(err)
		}
	}
	<-wakes // one notification, of the transaction that committed
	cancel()
	<-done
}
