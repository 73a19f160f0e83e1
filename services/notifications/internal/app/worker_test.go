package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/services/notifications/internal/postgres"
	"vestibule.dev/services/notifications/internal/worker"
)

// work runs workers on their own connections until the test ends.
func (f *fixture) work(maxConns ...int) {
	f.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	f.t.Cleanup(func() { stop(); all.Wait() })
	for _, n := range maxConns {
		db := pgtest.Open(f.t, f.url, n)
		all.Go(func() { f.run(ctx, db) })
	}
}

func (f *fixture) run(ctx context.Context, db *pg.DB) {
	listen := func(ctx context.Context, interval time.Duration, wake func(context.Context)) error {
		return db.Listen(ctx, postgres.Channel, interval, wake)
	}
	if err := worker.New(f.replica(db), listen, slog.New(slog.DiscardHandler)).Run(ctx); err != nil {
		f.t.Error(err)
	}
}

// Two replicas, one of them with a single database connection.
func TestWorker_replicas_sendEveryMailOnce(t *testing.T) {
	f := newFixture(t)
	f.work(1, 4)
	const mails = 50
	for i := range mails {
		f.enqueue(ask(fmt.Sprintf("user%d@example.com", i)))
	}
	seen := map[string]bool{}
	for _, message := range f.smtp.Await(mails) {
		if seen[message.ID()] {
			t.Errorf("mail %s arrived twice", message.ID())
		}
		seen[message.ID()] = true
	}
	if len(seen) != mails {
		t.Errorf("%d mails arrived, want %d", len(seen), mails)
	}
}

func TestWorker_oneConnection_sends(t *testing.T) {
	f := newFixture(t)
	f.work(1)
	for range 20 {
		f.enqueue(ask("ada@example.com"))
	}
	f.smtp.Await(20)
}
