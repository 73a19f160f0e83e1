package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/bus"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/natstest"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	eventsv1 "vestibule.dev/proto/events/v1"
)

// A batch costs two statements, however many events and aggregates are in it.
func TestBatch_many_costsTwoStatements(t *testing.T) {
	db, srv := pgtest.New(t, Migrations()), natstest.New(t)
	b, err := bus.Connect(bus.Config{URL: srv.URL(), Name: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		var envelopes []*eventsv1.Envelope
		for i := range batchSize + 1 {
			envelopes = append(envelopes, NewEnvelope(ctx, Fact{
				Context: "teams", Aggregate: "team", ID: fmt.Sprint(i % 7), Name: "updated", Tenant: ids.Tenant{ProjectID: "p", BranchID: "main"},
			}))
		}
		return Append(ctx, tx, envelopes...)
	}); err != nil {
		t.Fatal(err)
	}
	r := NewRelay(db, b, "teams", slog.New(slog.DiscardHandler))
	leading, resign := context.WithCancel(t.Context())
	defer resign()
	if err := db.Lead(leading, lockKey("teams"), func(ctx context.Context, conn *pgx.Conn) error {
		for b.EnsureStream(ctx, "teams") != nil { // not connected yet
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(10 * time.Millisecond):
			}
		}
		for _, want := range []bool{true, false} {
			counted, statements := pg.CountQueries(ctx)
			if more, err := r.batch(counted, conn, map[string]bool{}); err != nil || more != want {
				t.Errorf("more wait: %t, %v; want %t", more, err, want)
			}
			if n := statements.Load(); n != 2 {
				t.Errorf("%d statements, want 2", n)
			}
		}
		resign()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if status, err := ReadStatus(t.Context(), db); err != nil || status.Unpublished != 0 {
		t.Errorf("%+v, %v", status, err)
	}
}

// Marking a batch does not read the backlog, although the statistics say that
// nothing waits.
func TestMarkPublished_afterAnOutage_findsByID(t *testing.T) {
	db := pgtest.New(t, Migrations())
	for _, statement := range []string{
		`INSERT INTO outbox (id, subject, project_id, aggregate, aggregate_version, payload, published_at)
SELECT gen_random_uuid(), 's', 'p', 'a', 0, '', now() FROM generate_series(1, 5000)`,
		`ANALYZE outbox`,
	} {
		if _, err := db.Querier(t.Context()).Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.Querier(t.Context()).Query(t.Context(), "EXPLAIN "+markPublished, []string{ids.NewUUID(), ids.NewUUID()})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(plan, "\n"); !strings.Contains(text, "outbox_pkey") {
		t.Errorf("the plan is\n%s", text)
	}
}
