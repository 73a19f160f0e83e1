package pg_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/secret"
)

const increment = "UPDATE counters SET n = n + 1 WHERE id = $1"

// To begin costs no round trip, and neither do statements that nobody waits for.
func TestRunTx_roundTrips_areThoseOfStatements(t *testing.T) {
	address, trips := countingProxy(t, pgtest.URL(t, schema))
	db, ctx := pgtest.Open(t, address, 1), t.Context()
	for name, tt := range map[string]struct {
		fn   func(ctx context.Context, tx pgx.Tx) error
		want int64
	}{
		"nothing": {func(context.Context, pgx.Tx) error { return nil }, 0},
		"one statement and the commit": {func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, increment, "a")
			return err
		}, 2},
		"statements before, between and after": {func(ctx context.Context, tx pgx.Tx) error {
			for range 2 {
				if err := pg.Queue(ctx, tx, increment, "a"); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, increment, "b"); err != nil {
					return err
				}
			}
			return pg.Queue(ctx, tx, increment, "b")
		}, 3},
		"nobody waits": {func(ctx context.Context, tx pgx.Tx) error {
			_, err := pg.Queued(tx).Exec(ctx, increment, "a")
			return errors.Join(err, pg.Queue(ctx, tx, increment, "b"))
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var got int64
			for range 2 { // the first prepares statements
				before := trips.Load()
				if err := db.RunTx(ctx, tt.fn); err != nil {
					t.Fatal(err)
				}
				got = trips.Load() - before
			}
			if got != tt.want {
				t.Errorf("%d round trips, want %d", got, tt.want)
			}
		})
	}
	if a, b := counter(t, db, "a"), counter(t, db, "b"); a != 8 || b != 8 {
		t.Errorf("counters are %d and %d, want 8 and 8", a, b)
	}
}

// countingProxy passes everything on to the server of the URL and counts how
// often it says that it is ready for more.
func countingProxy(t *testing.T, address secret.Secret) (proxied secret.Secret, trips *atomic.Int64) {
	t.Helper()
	u, err := url.Parse(address.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	server := u.Host
	trips = new(atomic.Int64)
	go func() {
		for {
			down, err := listener.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", server)
			if err != nil {
				_ = down.Close()
				continue
			}
			go func() {
				defer up.Close()
				_, _ = io.Copy(up, down)
			}()
			go func() {
				defer down.Close()
				for messages := bufio.NewReader(up); ; {
					// A byte of type and four of length, which count themselves.
					head, err := messages.Peek(5)
					if err != nil {
						return
					}
					if head[0] == 'Z' {
						trips.Add(1)
					}
					if _, err := io.CopyN(down, messages, 1+int64(binary.BigEndian.Uint32(head[1:]))); err != nil {
						return
					}
				}
			}()
		}
	}()
	u.Host = listener.Addr().String()
	return secret.Secret(u.String()), trips
}

func TestRunTx_failure_rollsBackAndLeavesTheConnectionUsable(t *testing.T) {
	db, ctx := pgtest.Open(t, pgtest.URL(t, schema), 1), t.Context()
	const broken = "INSERT INTO counters VALUES ('a', 1)"
	for name, fn := range map[string]func(ctx context.Context, tx pgx.Tx) error{
		"first statement": func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, broken)
			return err
		},
		"first query": func(ctx context.Context, tx pgx.Tx) error {
			var id string
			return tx.QueryRow(ctx, broken+" RETURNING id").Scan(&id)
		},
		"queued before the first": func(ctx context.Context, tx pgx.Tx) error {
			_ = pg.Queue(ctx, tx, broken)
			_, err := tx.Exec(ctx, increment, "a")
			return err
		},
		"queued before the commit": func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, increment, "a"); err != nil {
				return err
			}
			return pg.Queue(ctx, tx, broken)
		},
		"queued alone": func(ctx context.Context, tx pgx.Tx) error {
			return errors.Join(pg.Queue(ctx, tx, increment, "a"), pg.Queue(ctx, tx, broken))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := db.RunTx(ctx, fn); pg.ConstraintName(err) != "counters_pkey" {
				t.Errorf("RunTx = %v, want the violation", err)
			}
			if n := counter(t, db, "a"); n != 0 {
				t.Errorf("n = %d after a rollback, want 0", n)
			}
		})
	}
	// Whoever swallows an error is not told that all went well.
	err := db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, _ = tx.Exec(ctx, broken)
		return pg.Queue(ctx, tx, increment, "a")
	})
	if n := counter(t, db, "a"); err == nil || n != 0 {
		t.Errorf("RunTx = %v after a swallowed error, n = %d", err, n)
	}
}

func TestRunTx_panic_rollsBackAndGivesTheConnectionBack(t *testing.T) {
	db, ctx := pgtest.Open(t, pgtest.URL(t, schema), 1), t.Context()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, increment, "a"); err != nil {
				t.Error(err)
			}
			panic("boom")
		})
	}()
	if n := counter(t, db, "a"); n != 0 {
		t.Errorf("n = %d", n)
	}
}

func TestRunTx_queries_readAsUsual(t *testing.T) {
	db, ctx := pgtest.Open(t, pgtest.URL(t, schema), 1), t.Context()
	for range 2 { // prepared, and not
		if err := db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			var id string
			if err := tx.QueryRow(ctx, "SELECT id FROM counters WHERE false").Scan(&id); !errors.Is(err, pgx.ErrNoRows) {
				t.Errorf("no rows: %v", err)
			}
			_ = pg.Queue(ctx, tx, "UPDATE counters SET note = 'seen' WHERE id = $1", "b")
			rows, err := tx.Query(ctx, "SELECT id FROM counters WHERE note IS DISTINCT FROM 'seen' ORDER BY id")
			if err != nil {
				return err
			}
			unseen, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil || !slices.Equal(unseen, []string{"a"}) {
				t.Errorf("unseen %v, %v", unseen, err)
			}
			// Not read to the end.
			_ = pg.Queue(ctx, tx, increment, "b")
			return tx.QueryRow(ctx, "SELECT id FROM counters ORDER BY id").Scan(&id)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if n := counter(t, db, "b"); n != 2 {
		t.Errorf("n = %d", n)
	}
}

func TestRunTx_savepoint_followsWhatWasQueued(t *testing.T) {
	db, ctx := pgtest.Open(t, pgtest.URL(t, schema), 1), t.Context()
	if err := db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_ = pg.Queue(ctx, tx, increment, "a")
		err := pgx.BeginFunc(ctx, tx, func(savepoint pgx.Tx) error {
			return errors.Join(pg.Queue(ctx, savepoint, increment, "b"), errors.New("boom"))
		})
		if err == nil {
			t.Error("the savepoint did not fail")
		}
		var batch pgx.Batch
		batch.Queue(increment, "a")
		return tx.SendBatch(ctx, &batch).Close()
	}); err != nil {
		t.Fatal(err)
	}
	if a, b := counter(t, db, "a"), counter(t, db, "b"); a != 2 || b != 0 {
		t.Errorf("counters are %d and %d, want 2 and 0", a, b)
	}
}

func TestRunTx_killedConnection_isUnavailableAtMostOnce(t *testing.T) {
	address := pgtest.URL(t, schema)
	db, other, ctx := pgtest.Open(t, address, 1), pgtest.Open(t, address, 1), t.Context()
	write := func() error {
		return db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, increment, "a")
			return err
		})
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	if n := ended(t, other); n != 1 {
		t.Fatalf("%d connections were ended, want 1", n)
	}
	want := 3
	if err := write(); err != nil {
		want--
		var known *apierr.Error
		if !errors.As(err, &known) || known.HTTP != http.StatusServiceUnavailable {
			t.Errorf("RunTx = %v", err)
		}
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	if n := counter(t, db, "a"); n != want {
		t.Errorf("n = %d, want %d", n, want)
	}
}
