package bus_test

import (
	"context"
	"testing"
	"time"

	"vestibule.dev/pkg/natstest"
)

func TestFollow_events_comeFromBeforeAndAfter(t *testing.T) {
	b := connect(t, natstest.New(t).URL())
	got := make(chan string, 16)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	// The stream is not there yet.
	go func() {
		done <- b.Follow(ctx, "sessions", "sessions.v1.session.revoked.*", time.Hour, func(payload []byte) { got <- string(payload) })
	}()
	eventually(t, func() error { return b.EnsureStream(t.Context(), "sessions") })
	patient, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for _, event := range []struct{ subject, id string }{
		{"sessions.v1.session.revoked.p", "1"}, {"sessions.v1.session.created.p", "2"}, {"sessions.v1.session.revoked.q", "3"},
	} {
		if err := b.Publish(patient, event.subject, event.id, []byte(event.id)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"1", "3"} {
		if id := <-got; id != want {
			t.Errorf("event %s, want %s", id, want)
		}
	}
	// Another one that comes later sees what was before.
	again := make(chan string, 16)
	go func() {
		_ = b.Follow(ctx, "sessions", "sessions.v1.session.revoked.p", time.Hour, func(payload []byte) { again <- string(payload) })
	}()
	if id := <-again; id != "1" {
		t.Errorf("event %s", id)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
