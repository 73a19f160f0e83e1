package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vestibule.dev/pkg/bus"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/inbox"
	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/natstest"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	eventsv1 "vestibule.dev/proto/events/v1"
)

// effects counts what handlers did, per aggregate.
var effects = migrate.Source{Name: "effects", FS: fstest.MapFS{
	"00001_init.sql": {Data: []byte("-- +goose Up\nCREATE TABLE effects (aggregate text PRIMARY KEY, n int NOT NULL);\n")},
}}

// world is one service with its outbox, its inbox and a stream between them.
type world struct {
	t    *testing.T
	db   *pg.DB
	nats *natstest.Server
	bus  *bus.Bus
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, db: pgtest.New(t, outbox.Migrations(), inbox.Migrations(), effects), nats: natstest.New(t)}
	var err error
	if w.bus, err = bus.Connect(bus.Config{URL: w.nats.URL(), Name: "test", Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.bus.Close)
	w.until(func() error {
		if !w.bus.Connected() {
			return errors.New("not connected")
		}
		return nil
	})
	return w
}

// run starts a part of the service that ends with the test, or earlier by the
// returned function.
func (w *world) run(part func(ctx context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := part(ctx); err != nil {
			w.t.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	w.t.Cleanup(stop)
	return stop
}

func (w *world) relay() func() {
	return w.run(outbox.NewRelay(w.db, w.bus, "identity", slog.New(slog.DiscardHandler)).Run)
}

func (w *world) consume(shuffle bool, handle inbox.Handler) func() {
	return w.run(inbox.NewConsumer(inbox.Config{
		Service: "teams", DB: w.db, Bus: w.bus, Logger: slog.New(slog.DiscardHandler), Shuffle: shuffle,
	}, inbox.Subscription{Name: "test", Context: "identity", Subjects: []string{"identity.v1.user.*.*"}, Handle: handle}).Run)
}

// consumeWithin consumes with another time to acknowledge in.
func (w *world) consumeWithin(ackWait time.Duration, handle inbox.Handler) func() {
	return w.run(inbox.NewConsumer(inbox.Config{
		Service: "teams", DB: w.db, Bus: w.bus, Logger: slog.New(slog.DiscardHandler), AckWait: ackWait,
	}, inbox.Subscription{Name: "test", Context: "identity", Subjects: []string{"identity.v1.user.*.*"}, Handle: handle}).Run)
}

// answers listens to what consumers tell the server of their messages; the
// returned function waits for the next.
func (w *world) answers() (next func() string) {
	w.t.Helper()
	subscription, err := w.bus.JetStream().Conn().SubscribeSync("$JS.ACK.IDENTITY.teams-test.>")
	if err != nil {
		w.t.Fatal(err)
	}
	return func() string {
		w.t.Helper()
		msg, err := subscription.NextMsg(time.Minute)
		if err != nil {
			w.t.Fatal(err)
		}
		return string(msg.Data)
	}
}

// acknowledged waits until the server waits for nothing more.
func (w *world) acknowledged() {
	w.t.Helper()
	w.until(func() error {
		consumer, err := w.bus.JetStream().Consumer(w.t.Context(), "IDENTITY", "teams-test")
		if err != nil {
			return err
		}
		if info := consumer.CachedInfo(); info.NumPending > 0 || info.NumAckPending > 0 {
			return fmt.Errorf("%d events wait, %d for their acknowledgement", info.NumPending, info.NumAckPending)
		}
		return nil
	})
}

// stream is the stream of the events.
func (w *world) stream() (stream jetstream.Stream) {
	w.t.Helper()
	w.until(func() (err error) {
		stream, err = w.bus.JetStream().Stream(w.t.Context(), "IDENTITY")
		return err
	})
	return stream
}

// append writes n events, spread over ten aggregates, in transactions of ten.
func (w *world) append(n int) { w.appendFrom(0, n) }

// appendFrom is append for the n events that follow those before first.
func (w *world) appendFrom(first, n int) {
	w.t.Helper()
	for end := first + n; first < end; first += 10 {
		if err := w.db.RunTx(w.t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			var envelopes []*eventsv1.Envelope
			for i := first; i < min(first+10, end); i++ {
				envelopes = append(envelopes, outbox.NewEnvelope(ctx, outbox.Fact{
					Context: "identity", Aggregate: "user", Name: "updated", ID: fmt.Sprint(i % 10),
					Tenant: ids.Tenant{ProjectID: "p", BranchID: "main"}, Version: int64(i),
				}))
			}
			return outbox.Append(ctx, tx, envelopes...)
		}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// count has an effect that shows how often it happened.
func (w *world) count(ctx context.Context, event *eventsv1.Envelope) error {
	_, err := w.db.Querier(ctx).Exec(ctx, `INSERT INTO effects VALUES ($1, 1) ON CONFLICT (aggregate) DO UPDATE SET n = effects.n + 1`, event.GetAggregate())
	return err
}

func (w *world) sum(query string) (n int) {
	w.t.Helper()
	if err := w.db.Querier(w.t.Context()).QueryRow(w.t.Context(), query).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// eventually waits until the query answers want. It looks at state, because
// nothing tells a test when a stream is done.
func (w *world) eventually(query string, want int) {
	w.t.Helper()
	w.until(func() error {
		if got := w.sum(query); got != want {
			return fmt.Errorf("%s = %d, want %d", query, got, want)
		}
		return nil
	})
}

// until waits until f succeeds; the test fails with the last error.
func (w *world) until(f func() error) {
	w.t.Helper()
	deadline := time.After(5 * time.Minute)
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			w.t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

const (
	effectCount = "SELECT coalesce(sum(n), 0)::int FROM effects"
	inboxCount  = "SELECT count(*)::int FROM inbox"
)

// R22: duplicates and disorder have no effect. Without the inbox row the sum
// is larger than the number of events.
func TestConsumer_duplicatesAndDisorder_haveOneEffect(t *testing.T) {
	w := newWorld(t)
	const events = 3000
	w.relay()
	w.consume(true, w.count)
	w.append(events)
	w.eventually(inboxCount, events)
	if got := w.sum(effectCount); got != events {
		t.Errorf("%d effects of %d events", got, events)
	}
	if uneven := w.sum(fmt.Sprintf("SELECT count(*)::int FROM effects WHERE n <> %d", events/10)); uneven != 0 {
		t.Errorf("%d aggregates have the wrong number of effects", uneven)
	}
}

// What has no effect is acknowledged and leaves nothing behind.
func TestConsumer_eventsThatDoNotConcern_costNoTransaction(t *testing.T) {
	w := newWorld(t)
	w.relay()
	w.run(inbox.NewConsumer(inbox.Config{
		Service: "teams", DB: w.db, Bus: w.bus, Logger: slog.New(slog.DiscardHandler),
	}, inbox.Subscription{
		Name: "test", Context: "identity", Subjects: []string{"identity.v1.user.*.*"},
		Concerns: func(event *eventsv1.Envelope) bool { return event.GetAggregate() == "user/3" },
		Handle:   w.count,
	}).Run)
	w.append(100)
	w.eventually(`SELECT coalesce(sum(n), 0) FROM effects WHERE aggregate = 'user/3'`, 10)
	w.acknowledged()
	if n := w.sum(`SELECT (SELECT count(*) FROM inbox) * 100 + (SELECT count(*) FROM effects)`); n != 1001 {
		t.Errorf("%d events and %d aggregates left something behind", n/100, n%100)
	}
}

func TestConsumer_twoReplicas_shareTheWork(t *testing.T) {
	w := newWorld(t)
	w.relay()
	w.consume(true, w.count)
	w.consume(true, w.count)
	w.append(500)
	w.eventually(inboxCount, 500)
	w.eventually(effectCount, 500)
}

func TestConsumer_failingHandler_rollsBackAndIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	failures := 2
	w.relay()
	w.consume(false, func(ctx context.Context, event *eventsv1.Envelope) error {
		if err := w.count(ctx, event); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if failures > 0 {
			failures--
			return errors.New("not yet")
		}
		return nil
	})
	w.append(1)
	w.eventually(effectCount, 1)
	mu.Lock()
	defer mu.Unlock()
	if failures != 0 {
		t.Errorf("%d failures were not reached", failures)
	}
}

// Events that wait while the stream is away are published when it is back, and
// a wiped stream is filled again by a replay, without a second effect.
func TestRelay_streamStoppedAndWiped_losesNothing(t *testing.T) {
	w := newWorld(t)
	w.relay()
	w.consume(false, w.count)
	w.append(50)
	w.eventually(effectCount, 50)

	w.nats.Stop()
	w.append(50)
	w.nats.Wipe()
	w.nats.Start()
	w.eventually(effectCount, 100)
	// An event has its effect before the relay knows that the stream has it.
	w.eventually("SELECT count(*)::int FROM outbox WHERE published_at IS NULL", 0)

	if replayed, err := outbox.Replay(t.Context(), w.db, time.Hour); err != nil || replayed != 100 {
		t.Fatalf("Replay = %d, %v; want 100 events", replayed, err)
	}
	w.eventually("SELECT count(*)::int FROM outbox WHERE published_at IS NULL", 0)
	w.append(1)
	w.eventually(inboxCount, 101)
	if got := w.sum(effectCount); got != 101 {
		t.Errorf("%d effects of 101 events", got)
	}
}

func TestConsumer_stopped_continuesWhereItWas(t *testing.T) {
	w := newWorld(t)
	w.relay()
	stop := w.consume(false, w.count)
	w.append(20)
	w.eventually(effectCount, 20)
	stop()
	w.append(20)
	w.consume(false, w.count)
	w.eventually(effectCount, 40)
}

// The server is told that an event is worked on, again and again before it would
// give it to somebody else.
func TestConsumer_slowHandler_keepsTheEvent(t *testing.T) {
	w := newWorld(t)
	answers := w.answers()
	release := make(chan struct{})
	w.relay()
	w.consumeWithin(300*time.Millisecond, func(ctx context.Context, event *eventsv1.Envelope) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return w.count(ctx, event)
	})
	w.append(1)
	// Each comes after a third of the time after which the server would deliver
	// again.
	for range 4 {
		if answer := answers(); answer != "+WPI" {
			t.Fatalf("the server was told %q of an event that is being worked on", answer)
		}
	}
	close(release)
	w.acknowledged()
	w.eventually(effectCount, 1)
}

// An acknowledgement that the connection lost is made up for by a second
// delivery, which has no second effect.
func TestConsumer_lostAcknowledgement_isMadeUpFor(t *testing.T) {
	w := newWorld(t)
	began, release := make(chan struct{}, 10), make(chan struct{})
	w.relay()
	w.consumeWithin(300*time.Millisecond, func(ctx context.Context, event *eventsv1.Envelope) error {
		began <- struct{}{}
		<-release
		return w.count(ctx, event)
	})
	w.append(1)
	<-began
	w.nats.Stop()
	w.until(func() error {
		if w.bus.Connected() {
			return errors.New("still connected")
		}
		return nil
	})
	close(release)
	w.eventually(inboxCount, 1)
	w.nats.Start()
	w.append(1)
	w.eventually(effectCount, 2)
	w.acknowledged()
}

// A consumer that stops gives back what it has not finished.
func TestConsumer_stopped_givesBackWhatWaits(t *testing.T) {
	w := newWorld(t)
	answers := w.answers()
	w.relay()
	began := make(chan struct{}, 40)
	stop := w.consume(false, func(ctx context.Context, _ *eventsv1.Envelope) error {
		began <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	w.append(40)
	<-began
	stop()
	answer := answers()
	for answer == "+WPI" { // it took long until it was stopped
		answer = answers()
	}
	if answer != "-NAK" {
		t.Errorf("the server was told %q of an event that was not finished", answer)
	}
	w.consume(false, w.count)
	w.eventually(effectCount, 40)
	w.acknowledged()
}

// The durable consumer is deleted behind the service's back, as a restarted
// NATS may do.
func TestConsumer_vanishedOnTheServer_isCreatedAgain(t *testing.T) {
	w := newWorld(t)
	w.relay()
	w.consume(false, w.count)
	w.append(5)
	w.eventually(effectCount, 5)
	stream := w.stream()
	w.until(func() error { return stream.DeleteConsumer(t.Context(), "teams-test") })
	w.append(5)
	w.eventually(effectCount, 10)
}

func TestConsumer_message_thatIsNoEvent_doesNotBlock(t *testing.T) {
	w := newWorld(t)
	w.until(func() error { return w.bus.EnsureStream(t.Context(), "identity") })
	w.until(func() error {
		_, err := w.bus.JetStream().PublishMsg(t.Context(), &nats.Msg{Subject: "identity.v1.user.updated.p", Data: []byte{0xff}})
		return err
	})
	w.relay()
	w.consume(false, w.count)
	w.append(10)
	w.eventually(effectCount, 10)
}

func TestAppend_rolledBack_publishesNothing(t *testing.T) {
	w := newWorld(t)
	boom := errors.New("boom")
	err := w.db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		if err := outbox.Append(ctx, tx, outbox.NewEnvelope(ctx, outbox.Fact{Context: "identity", Aggregate: "user", Name: "updated", Tenant: ids.Tenant{ProjectID: "p", BranchID: "main"}})); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	status, err := outbox.ReadStatus(t.Context(), w.db)
	if err != nil || status.Unpublished != 0 {
		t.Errorf("status = %+v, %v; want nothing unpublished", status, err)
	}
}

func TestPurge_keepsWhatCanStillArrive(t *testing.T) {
	w := newWorld(t)
	if _, err := w.db.Querier(t.Context()).Exec(t.Context(),
		`INSERT INTO inbox VALUES ('c', gen_random_uuid(), now() - interval '31 days'), ('c', gen_random_uuid(), now() - interval '29 days')`); err != nil {
		t.Fatal(err)
	}
	if err := inbox.Purge(t.Context(), w.db); err != nil {
		t.Fatal(err)
	}
	if n := w.sum(inboxCount); n != 1 {
		t.Errorf("%d rows left, want 1", n)
	}
}
