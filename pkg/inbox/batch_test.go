package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/tenancy"
	eventsv1 "vestibule.dev/proto/events/v1"
)

// batchOf is n new events of a project.
func batchOf(t *testing.T, project string, n int) (batch []delivery) {
	t.Helper()
	for i := range n {
		data, err := proto.Marshal(&eventsv1.Envelope{
			Id: ids.NewUUID(), Subject: "identity.v1.user.updated." + project, ProjectId: project, Aggregate: fmt.Sprint("user/", i),
		})
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, read(&message{data: data, n: 1}))
	}
	return batch
}

func consumer(db *pg.DB, subscription Subscription) *Consumer {
	subscription.Name, subscription.Context = "test", "identity"
	return NewConsumer(Config{Service: "teams", DB: db, Logger: slog.New(slog.DiscardHandler)}, subscription)
}

// note writes down that an event had its effect.
func note(db *pg.DB) Handler {
	return func(ctx context.Context, event *eventsv1.Envelope) error {
		_, err := db.Querier(ctx).Exec(ctx, "INSERT INTO inbox VALUES ('effect', $1)", event.GetId())
		return err
	}
}

func rows(t *testing.T, db *pg.DB, consumer string) (n int) {
	t.Helper()
	if err := db.Querier(t.Context()).QueryRow(t.Context(), "SELECT count(*) FROM inbox WHERE consumer = $1", consumer).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A batch costs one statement beside those of its effects, and the second time
// nothing more.
func TestApply_batch_costsOneStatement(t *testing.T) {
	db := pgtest.New(t, Migrations())
	c := consumer(db, Subscription{Handle: note(db)})
	batch := batchOf(t, "p", 20)
	for _, want := range []int64{21, 1} {
		ctx, statements := pg.CountQueries(t.Context())
		if err := c.apply(ctx, append(batch, batch[3])...); err != nil {
			t.Fatal(err)
		}
		if n := statements.Load(); n != want {
			t.Errorf("%d statements, want %d", n, want)
		}
	}
	if n := rows(t, db, "effect"); n != 20 {
		t.Errorf("%d effects of 20 events", n)
	}
}

// Of a project without anybody who wants its events they are remembered, so that
// they have no effect later, and nothing else is done.
func TestApply_unwanted_isRememberedOnly(t *testing.T) {
	db := pgtest.New(t, Migrations())
	var asked []string
	wanted := false
	c := consumer(db, Subscription{
		Handle: note(db),
		Wanted: func(_ context.Context, project string) (bool, error) {
			asked = append(asked, project)
			return wanted, nil
		},
	})
	batch := batchOf(t, "p", 20)
	for range 2 {
		ctx, statements := pg.CountQueries(t.Context())
		if err := c.apply(ctx, batch...); err != nil {
			t.Fatal(err)
		}
		if n := statements.Load(); n != 1 {
			t.Errorf("%d statements, want 1", n)
		}
		wanted = true
	}
	if seen, effects := rows(t, db, "teams-test"), rows(t, db, "effect"); seen != 20 || effects != 0 {
		t.Errorf("%d of 20 events are remembered, and %d had an effect", seen, effects)
	}
	if !slices.Equal(asked, []string{"p", "p"}) {
		t.Errorf("asked for %q", asked)
	}
	if err := c.apply(t.Context(), batchOf(t, "p", 1)...); err != nil || rows(t, db, "effect") != 1 {
		t.Errorf("a wanted event had no effect: %v", err)
	}
}

// An event that fails takes no other with it.
func TestDeliver_oneOfABatchFails_othersHaveTheirEffect(t *testing.T) {
	db := pgtest.New(t, Migrations())
	for name, fail := range map[string]func(context.Context) error{
		"error": func(context.Context) error { return errors.New("the effect is impossible") },
		"panic": func(context.Context) error { panic("the effect is impossible") },
		"statement": func(ctx context.Context) error {
			_, err := db.Querier(ctx).Exec(ctx, "SELECT 1/0")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			effects := rows(t, db, "effect")
			batch := batchOf(t, "p", 10)
			bad := batch[4].event.GetId()
			c := consumer(db, Subscription{Handle: func(ctx context.Context, event *eventsv1.Envelope) error {
				if err := note(db)(ctx, event); err != nil {
					return err
				}
				if event.GetId() == bad {
					return fail(ctx)
				}
				return nil
			}})
			c.deliver(t.Context(), batch)
			for i, d := range batch {
				want := "ack"
				if i == 4 {
					want = "nak"
				}
				if got := d.msg.(*message).answer; got != want {
					t.Errorf("event %d: %s, want %s", i, got, want)
				}
			}
			if n := rows(t, db, "effect") - effects; n != 9 {
				t.Errorf("%d effects of 9 events", n)
			}
		})
	}
}

// A transaction is of one project, whose rows alone it sees.
func TestDeliverAll_manyProjects_areNotMixed(t *testing.T) {
	db := pgtest.New(t, Migrations())
	c := consumer(db, Subscription{Handle: func(ctx context.Context, event *eventsv1.Envelope) error {
		if scope, _ := tenancy.Scope(ctx); scope != event.GetProjectId() {
			t.Errorf("an event of %s is handled for %s", event.GetProjectId(), scope)
		}
		return note(db)(ctx, event)
	}})
	var mixed []delivery
	for i := range 3 * batchSize {
		mixed = append(mixed, batchOf(t, fmt.Sprint("p", i%2), 1)...)
	}
	c.deliverAll(t.Context(), mixed)
	if n := rows(t, db, "effect"); n != len(mixed) {
		t.Errorf("%d effects of %d events", n, len(mixed))
	}
}

// Replicas that were given the same events, each in an order of its own, wait for
// each other and never in a circle: a deadlock would make one begin again.
func TestApply_sameEventsInOppositeOrders_doNotDeadlock(t *testing.T) {
	db := pgtest.New(t, Migrations())
	c := consumer(db, Subscription{Handle: note(db)})
	const rounds = 20
	for range rounds {
		batch := batchOf(t, "p", batchSize)
		reverse := slices.Clone(batch)
		slices.Reverse(reverse)
		ctx, statements := pg.CountQueries(t.Context())
		var replicas sync.WaitGroup
		for _, mine := range [][]delivery{batch, reverse} {
			replicas.Go(func() {
				if err := c.apply(ctx, mine...); err != nil {
					t.Error(err)
				}
			})
		}
		replicas.Wait()
		if n := statements.Load(); n != batchSize+2 {
			t.Fatalf("%d statements, want %d", n, batchSize+2)
		}
	}
	if n := rows(t, db, "effect"); n != rounds*batchSize {
		t.Errorf("%d effects of %d events", n, rounds*batchSize)
	}
}
