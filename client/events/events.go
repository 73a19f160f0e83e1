// Package events promises a backend that each event has its effect in the
// backend's own database exactly once, however often and in whatever order the
// stream delivers it.
//
// The effect and a row with the event's id commit in one transaction. Events of
// one aggregate may arrive out of order: what keeps a copy of something compares
// the aggregate's version. Which events there are, and what they carry, is in
// docs/events.md.
package events

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"vestibule.dev/pkg/bus"
	"vestibule.dev/pkg/inbox"
	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/secret"
	eventsv1 "vestibule.dev/proto/events/v1"
)

// Event is a fact with what came of it.
type Event = eventsv1.Envelope

// Handler has the effect of an event. It runs inside a transaction that ctx
// carries, which it joins with RunTx or Querier of the same [DB]. It must not
// call anybody. An event whose handler keeps failing is tried twelve times and
// then put aside into the table inbox_parked.
type Handler = inbox.Handler

// Subscription names the events a backend wants of one context.
type Subscription = inbox.Subscription

// DB is the backend's own database.
type DB = pg.DB

// Config says where events come from and where they have their effect.
type Config struct {
	// Backend is the name of this backend; with the subscription's name it
	// names the durable consumer and must not change.
	Backend string
	// NATSURL is one or more server URLs, separated by commas.
	NATSURL string
	DB      *DB
	Logger  *slog.Logger
}

// Open opens the backend's own Postgres database, which holds the inbox beside
// what the events have their effect on.
func Open(ctx context.Context, url, name string) (*DB, error) {
	return pg.Open(ctx, pg.Config{URL: secret.Secret(url), ApplicationName: name, NoProjects: true})
}

// Migrate makes the tables inbox and inbox_parked, or brings them up to date.
func Migrate(ctx context.Context, url string) error {
	return migrate.Up(ctx, secret.Secret(url), inbox.Migrations())
}

// purgeInterval is between two clean-ups of the inbox.
const purgeInterval = time.Hour

// Run consumes until ctx ends. Neither the database nor the stream has to be
// there yet. Replicas with the same names share the work.
func Run(ctx context.Context, cfg Config, subscriptions ...Subscription) error {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	connection, err := bus.Connect(bus.Config{URL: cfg.NATSURL, Name: cfg.Backend, Guest: true, Logger: cfg.Logger})
	if err != nil {
		return err
	}
	defer connection.Close()
	group, ctx := errgroup.WithContext(ctx)
	shared := inbox.Config{Service: cfg.Backend, DB: cfg.DB, Bus: connection, Logger: cfg.Logger}
	for _, subscription := range subscriptions {
		group.Go(func() error { return inbox.NewConsumer(shared, subscription).Run(ctx) })
	}
	group.Go(func() error {
		ticker := time.NewTicker(purgeInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
				if err := inbox.Purge(ctx, cfg.DB); err != nil && ctx.Err() == nil {
					cfg.Logger.WarnContext(ctx, "old events were not forgotten", "error", err)
				}
			}
		}
	})
	return group.Wait()
}
