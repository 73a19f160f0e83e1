package inbox

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pgtest"
	eventsv1 "vestibule.dev/proto/events/v1"
)

// message is the n-th delivery of an event, and remembers the answer to it.
type message struct {
	jetstream.Msg
	data   []byte
	n      uint64
	answer string
	delay  time.Duration
}

func (m *message) Data() []byte { return m.data }
func (m *message) Metadata() (*jetstream.MsgMetadata, error) {
	return &jetstream.MsgMetadata{NumDelivered: m.n}, nil
}
func (m *message) Ack() error { m.answer = "ack"; return nil }
func (m *message) NakWithDelay(delay time.Duration) error {
	m.answer, m.delay = "nak", delay
	return nil
}

// A handler that panics fails like one that returns an error: twelve tries with
// growing delays, then the event is parked and blocks nobody.
func TestDeliver_failingEvent_isParkedAfterTwelveTries(t *testing.T) {
	for name, handle := range map[string]Handler{
		"error": func(context.Context, *eventsv1.Envelope) error { return errors.New("the effect is impossible") },
		"panic": func(context.Context, *eventsv1.Envelope) error { panic("the effect is impossible") },
	} {
		t.Run(name, func(t *testing.T) {
			db := pgtest.New(t, Migrations())
			c := NewConsumer(Config{Service: "teams", DB: db, Logger: slog.New(slog.DiscardHandler)},
				Subscription{Name: "test", Context: "identity", Handle: handle})
			event := &eventsv1.Envelope{Id: ids.NewUUID(), Subject: "identity.v1.user.created.p", Aggregate: "user/a"}
			data, err := proto.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			parked := func() (attempts int, cause string) {
				t.Helper()
				if err := db.Querier(t.Context()).QueryRow(t.Context(),
					"SELECT coalesce(max(attempts), 0), coalesce(max(last_error), '') FROM inbox_parked WHERE consumer = 'teams-test' AND event_id = $1 AND payload = $2",
					event.GetId(), data).Scan(&attempts, &cause); err != nil {
					t.Fatal(err)
				}
				return attempts, cause
			}
			for n := range uint64(maxDeliveries - 1) {
				d := &message{data: data, n: n + 1}
				c.deliver(t.Context(), []delivery{read(d)})
				if d.answer != "nak" || d.delay <= 0 {
					t.Errorf("delivery %d: %s after %s", d.n, d.answer, d.delay)
				}
			}
			if attempts, _ := parked(); attempts != 0 {
				t.Errorf("parked after %d tries", attempts)
			}
			d := &message{data: data, n: maxDeliveries}
			c.deliver(t.Context(), []delivery{read(d)})
			if attempts, cause := parked(); d.answer != "ack" || attempts != maxDeliveries || !strings.Contains(cause, "the effect is impossible") {
				t.Errorf("last delivery: %s, %d attempts, %q", d.answer, attempts, cause)
			}
			// It counts as unseen, so that it can be tried again from there.
			var seen int
			if err := db.Querier(t.Context()).QueryRow(t.Context(), "SELECT count(*) FROM inbox").Scan(&seen); err != nil || seen != 0 {
				t.Errorf("%d inbox rows, %v", seen, err)
			}
		})
	}
}
