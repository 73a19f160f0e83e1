package inbox_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"vestibule.dev/pkg/inbox"
	eventsv1 "vestibule.dev/proto/events/v1"
)

// ordered starts a replica whose subscription keeps order.
func (w *world) ordered(handle inbox.Handler) (stop func()) {
	return w.run(inbox.NewConsumer(inbox.Config{
		Service: "teams", DB: w.db, Bus: w.bus, Logger: slog.New(slog.DiscardHandler),
	}, inbox.Subscription{
		Name: "ordered", Context: "identity", Subjects: []string{"identity.v1.user.*.*"}, Ordered: true, Handle: handle,
	}).Run)
}

// follow has an effect that is impossible out of order: the version of an
// aggregate (see append) is ten more than the one before.
func (w *world) follow(ctx context.Context, event *eventsv1.Envelope) error {
	tag, err := w.db.Querier(ctx).Exec(ctx, `INSERT INTO effects VALUES ($1, $2)
ON CONFLICT (aggregate) DO UPDATE SET n = excluded.n WHERE effects.n = excluded.n - 10`, event.GetAggregate(), event.GetAggregateVersion())
	if err == nil && tag.RowsAffected() == 0 {
		w.t.Errorf("version %d of %s came out of order", event.GetAggregateVersion(), event.GetAggregate())
	}
	return err
}

// last is the sum of the last versions of n events.
func last(n int) (sum int) {
	for i := n - 10; i < n; i++ {
		sum += i
	}
	return sum
}

// A replica that is killed holds events that it has neither finished nor given
// back. The one that takes over begins with them: without rewind it would begin
// with those that follow, because the server gives up the dead one only half a
// minute later.
func TestConsumer_orderedReplicaKilled_nextContinuesInOrder(t *testing.T) {
	w := newWorld(t)
	w.relay()
	for round := range 3 {
		hangs := make(chan struct{})
		var n atomic.Int64
		kill := w.ordered(func(ctx context.Context, event *eventsv1.Envelope) error {
			if n := n.Add(1); n > 25 { // in the middle, and between acknowledgements
				if n == 26 {
					close(hangs)
				}
				<-ctx.Done()
				return ctx.Err()
			}
			return w.follow(ctx, event)
		})
		w.appendFrom(round*100, 100)
		<-hangs
		kill()
	}
	w.appendFrom(300, 100)
	w.ordered(w.follow)
	w.eventually(inboxCount, 400)
	w.eventually(effectCount, last(400))
}

// Two replicas take turns, whatever happens to the server and to the durable
// consumer meanwhile.
func TestConsumer_orderedReplicas_keepOrderThroughOutages(t *testing.T) {
	w := newWorld(t)
	w.relay()
	first := w.ordered(w.follow)
	w.ordered(w.follow)
	w.appendFrom(0, 500)
	w.eventually("SELECT (count(*) >= 100)::int FROM inbox", 1)
	w.nats.Stop()
	w.appendFrom(500, 100)
	w.nats.Start()
	w.eventually("SELECT (count(*) >= 550)::int FROM inbox", 1)
	first()
	if err := w.stream().DeleteConsumer(t.Context(), "teams-ordered"); err != nil {
		t.Logf("the consumer is being made anew: %v", err)
	}
	w.appendFrom(600, 400)
	w.eventually(inboxCount, 1000)
	w.eventually(effectCount, last(1000))
}

// An event that fails holds up those of its key and no others.
func TestConsumer_orderedEventFails_onlyItsKeyWaits(t *testing.T) {
	w := newWorld(t)
	w.relay()
	var open atomic.Bool
	w.ordered(func(ctx context.Context, event *eventsv1.Envelope) error {
		if event.GetAggregate() == "user/3" && !open.Load() {
			return errors.New("not yet")
		}
		return w.follow(ctx, event)
	})
	w.appendFrom(0, 200)
	w.eventually(inboxCount, 180)
	if n := w.sum("SELECT count(*)::int FROM effects WHERE aggregate = 'user/3'"); n != 0 {
		t.Error("an event that failed had an effect")
	}
	open.Store(true)
	w.eventually(inboxCount, 200)
	w.eventually(effectCount, last(200))
}

// Duplicates do not break the order.
func TestConsumer_orderedDuplicates_haveOneEffect(t *testing.T) {
	w := newWorld(t)
	w.relay()
	w.run(inbox.NewConsumer(inbox.Config{
		Service: "teams", DB: w.db, Bus: w.bus, Logger: slog.New(slog.DiscardHandler), Shuffle: true,
	}, inbox.Subscription{
		Name: "ordered", Context: "identity", Subjects: []string{"identity.v1.user.*.*"}, Ordered: true, Handle: w.follow,
		Key: func(aggregate string) string { return strings.TrimPrefix(aggregate, "user/") },
	}).Run)
	w.appendFrom(0, 300)
	w.eventually(inboxCount, 300)
	w.eventually(effectCount, last(300))
}
