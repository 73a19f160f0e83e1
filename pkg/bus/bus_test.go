package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vestibule.dev/pkg/bus"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/natstest"
)

func connect(t *testing.T, url string) *bus.Bus {
	t.Helper()
	b := begin(t, url)
	eventually(t, func() error {
		if !b.Connected() {
			return errors.New("not connected")
		}
		return nil
	})
	return b
}

// begin returns a bus that may be connected later.
func begin(t *testing.T, url string) *bus.Bus {
	t.Helper()
	b, err := bus.Connect(bus.Config{URL: url, Name: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// ensureStream makes the stream of the context teams.
func ensureStream(t *testing.T, b *bus.Bus) {
	t.Helper()
	eventually(t, func() error { return b.EnsureStream(t.Context(), "teams") })
}

// eventually waits until f succeeds; the test fails with the last error.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	timeout := time.After(2 * time.Minute)
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-timeout:
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// publish stores an event of the context teams.
func publish(t *testing.T, b *bus.Bus, id string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return b.Publish(ctx, "teams.v1.team.created.p", id, []byte("x"))
}

func stored(t *testing.T, b *bus.Bus) uint64 {
	t.Helper()
	stream, err := b.JetStream().Stream(t.Context(), bus.StreamName("teams"))
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

func TestPublish_sameID_isStoredOnce(t *testing.T) {
	b := connect(t, natstest.New(t).URL())
	ensureStream(t, b)
	id := ids.NewUUID()
	for range 3 {
		if err := publish(t, b, id); err != nil {
			t.Fatal(err)
		}
	}
	if n := stored(t, b); n != 1 {
		t.Errorf("%d messages stored, want 1", n)
	}
}

func TestPublishAsync_many_areStoredInOrder(t *testing.T) {
	b := connect(t, natstest.New(t).URL())
	ensureStream(t, b)
	const n = 1000
	subject := func(i int) string { return fmt.Sprintf("teams.v1.team.created.%d", i) }
	var acks []jetstream.PubAckFuture
	for i := range n {
		ack, err := b.PublishAsync(subject(i), ids.NewUUID(), "", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		acks = append(acks, ack)
	}
	for _, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			t.Fatal(err)
		}
	}
	stream, err := b.JetStream().Stream(t.Context(), "TEAMS")
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if got, err := stream.GetMsg(t.Context(), uint64(i+1)); err != nil || got.Subject != subject(i) {
			t.Fatalf("message %d: %v, %v", i, got, err)
		}
	}
}

// An event that failed must not be in the stream later all the same: the outbox
// would publish the next ones of its aggregate before it.
func TestPublish_serverAway_failsAtOnceAndNeverArrives(t *testing.T) {
	srv := natstest.New(t)
	b := connect(t, srv.URL())
	ensureStream(t, b)
	srv.Stop()
	eventually(t, func() error {
		if b.Connected() {
			return errors.New("still connected")
		}
		return nil
	})
	if err := publish(t, b, ids.NewUUID()); !errors.Is(err, nats.ErrDisconnected) {
		t.Fatalf("Publish = %v, want ErrDisconnected", err)
	}
	if _, err := b.PublishAsync("teams.v1.team.created.p", ids.NewUUID(), "", nil); !errors.Is(err, nats.ErrDisconnected) {
		t.Fatalf("PublishAsync = %v, want ErrDisconnected", err)
	}
	srv.Start()
	id := ids.NewUUID()
	eventually(t, func() error { return publish(t, b, id) })
	if n := stored(t, b); n != 1 {
		t.Errorf("%d messages stored, want 1", n)
	}
}

func TestPublish_withoutStream_fails(t *testing.T) {
	b := connect(t, natstest.New(t).URL())
	if err := publish(t, b, ids.NewUUID()); !errors.Is(err, jetstream.ErrNoStreamResponse) {
		t.Errorf("Publish = %v, want ErrNoStreamResponse", err)
	}
}

func TestConnect_serverStartsLater_connects(t *testing.T) {
	srv := natstest.New(t)
	url := srv.URL()
	srv.Stop()
	b := begin(t, url)
	if b.Connected() {
		t.Fatal("connected to nothing")
	}
	srv.Start()
	ensureStream(t, b)
	if err := publish(t, b, ids.NewUUID()); err != nil {
		t.Error(err)
	}
}

func TestSubscribeCore_hint_arrivesAlsoAfterRestart(t *testing.T) {
	srv := natstest.New(t)
	b := connect(t, srv.URL())
	got := make(chan string, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.SubscribeCore(ctx, "vestibule.project.changed", func(payload []byte) { got <- string(payload) })
	}()
	hint := func() error {
		b.PublishCore("vestibule.project.changed", []byte("p"))
		select {
		case payload := <-got:
			if payload != "p" {
				t.Errorf("got %q", payload)
			}
			return nil
		default:
			return errors.New("no hint arrived")
		}
	}
	eventually(t, hint)
	srv.Stop()
	for len(got) > 0 {
		<-got
	}
	srv.Start()
	eventually(t, hint)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("SubscribeCore = %v", err)
	}
}
