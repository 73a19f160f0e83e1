package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/bus"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/natstest"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	eventsv1 "vestibule.dev/proto/events/v1"
)

var tenant = ids.Tenant{ProjectID: "project", BranchID: "main"}

// stream is a Publisher that refuses on demand, and what does not follow the event
// it is said to follow.
type stream struct {
	mu     sync.Mutex
	stored []message
	refuse func(*eventsv1.Envelope) bool
	// fail is why an event is not even sent; nil when it is.
	fail   func(*eventsv1.Envelope) error
	arrive chan struct{}
}

type message struct {
	subject, id string
	event       *eventsv1.Envelope
}

func newStream() *stream { return &stream{arrive: make(chan struct{}, 10_000)} }

func (s *stream) EnsureStream(context.Context, string) error { return nil }

func (s *stream) PublishAsync(subject, id, after string, payload []byte) (jetstream.PubAckFuture, error) {
	event := &eventsv1.Envelope{}
	if err := proto.Unmarshal(payload, event); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(event); err != nil {
			return nil, err
		}
	}
	f := future{ok: make(chan *jetstream.PubAck, 1), err: make(chan error, 1)}
	if n := len(s.stored); after != "" && (n == 0 || s.stored[n-1].id != after) || s.refuse != nil && s.refuse(event) {
		f.err <- errors.New("refused")
		return f, nil
	}
	s.stored = append(s.stored, message{subject, id, event})
	s.arrive <- struct{}{}
	f.ok <- &jetstream.PubAck{}
	return f, nil
}

// future is an acknowledgement that is there at once.
type future struct {
	jetstream.PubAckFuture
	ok  chan *jetstream.PubAck
	err chan error
}

func (f future) Ok() <-chan *jetstream.PubAck { return f.ok }
func (f future) Err() <-chan error            { return f.err }

// await waits for n further messages.
func (s *stream) await(t *testing.T, n int) {
	t.Helper()
	timeout := time.After(5 * time.Minute)
	for i := range n {
		select {
		case <-s.arrive:
		case <-timeout:
			t.Fatalf("%d of %d messages arrived", i, n)
		}
	}
}

func (s *stream) messages() []message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.stored)
}

// event is the version'th change of a team.
func event(ctx context.Context, team string, version int) *eventsv1.Envelope {
	e := outbox.NewEnvelope(ctx, outbox.Fact{
		Context: "teams", Aggregate: "team", ID: team, Name: "updated", Tenant: tenant, Version: int64(version),
	})
	e.Payload = &eventsv1.Envelope_TeamUpdated{TeamUpdated: &eventsv1.TeamUpdated{TeamId: team}}
	return e
}

func appendEvents(t *testing.T, db *pg.DB, events ...*eventsv1.Envelope) {
	t.Helper()
	if err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return outbox.Append(ctx, tx, events...)
	}); err != nil {
		t.Fatal(err)
	}
}

// relay runs until the test ends, before its database is closed.
func relay(t *testing.T, db *pg.DB, publisher outbox.Publisher) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- outbox.NewRelay(db, publisher, "teams", slog.New(slog.DiscardHandler)).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func status(t *testing.T, db *pg.DB) outbox.Status {
	t.Helper()
	b, err := outbox.ReadStatus(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// awaitEmpty waits until everything is marked as published.
func awaitEmpty(t *testing.T, db *pg.DB) {
	t.Helper()
	timeout := time.After(5 * time.Minute)
	for status(t, db).Unpublished > 0 {
		select {
		case <-timeout:
			t.Fatal("the outbox does not become empty")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestAppend_committed_isPublishedAsWritten(t *testing.T) {
	db, s := pgtest.New(t, outbox.Migrations()), newStream()
	ctx := principal.NewContext(t.Context(), principal.Principal{
		ProjectID: "project", BranchID: "main", Access: principal.AccessClient, UserID: "u",
	})
	ctx = principal.NewRequestContext(ctx, principal.Request{ID: "request"})
	want := event(ctx, "a", 3)
	appendEvents(t, db, want)
	relay(t, db, s)
	s.await(t, 1)
	m := s.messages()[0]
	if m.id != want.GetId() || m.subject != "teams.v1.team.updated.project" {
		t.Errorf("message %s on %s", m.id, m.subject)
	}
	got := m.event
	if !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got.GetActor() != "user/u" || got.GetRequestId() != "request" || got.GetAggregate() != "team/a" || got.GetAggregateVersion() != 3 || got.GetOccurredAt() == nil {
		t.Errorf("incomplete envelope: %v", got)
	}
}

// Whoever caused a change is named, also when the service that makes it was
// called by another.
func TestNewEnvelope_table_namesTheActor(t *testing.T) {
	const user = "0b4b0d6c-5a53-4b5b-9d5c-0f3f2b0d8a11"
	through := principal.NewCallerContext(t.Context(), "teams")
	for name, tt := range map[string]struct {
		ctx               context.Context
		actor, onBehalfOf string
	}{
		"nobody":                              {t.Context(), "", ""},
		"user":                                {principal.NewContext(through, principal.Principal{Access: principal.AccessClient, UserID: user}), "user/" + user, ""},
		"server":                              {principal.NewContext(t.Context(), principal.Principal{Access: principal.AccessServer}), "server", ""},
		"service":                             {through, "service/teams", ""},
		"backend":                             {principal.NewContext(t.Context(), principal.Principal{Backend: "billing", UserID: user}), "backend/billing", "user/" + user},
		"backend behind a service":            {principal.NewOriginContext(through, principal.Origin{Backend: "billing"}), "backend/billing", ""},
		"backend for a user behind a service": {principal.NewOriginContext(through, principal.Origin{Backend: "billing", UserID: user}), "backend/billing", "user/" + user},
	} {
		e := outbox.NewEnvelope(tt.ctx, outbox.Fact{Context: "teams", Aggregate: "team", Name: "updated", ID: "a"})
		if e.GetActor() != tt.actor || e.GetOnBehalfOf() != tt.onBehalfOf {
			t.Errorf("%s: %q on behalf of %q", name, e.GetActor(), e.GetOnBehalfOf())
		}
	}
}

func TestAppend_rolledBack_isNeverPublished(t *testing.T) {
	db, s := pgtest.New(t, outbox.Migrations()), newStream()
	boom := errors.New("boom")
	err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		if err := outbox.Append(ctx, tx, event(ctx, "a", 1)); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	relay(t, db, s)
	appendEvents(t, db, event(t.Context(), "b", 1))
	s.await(t, 1)
	if m := s.messages(); len(m) != 1 || m[0].event.GetAggregate() != "team/b" {
		t.Errorf("published %v", m)
	}
}

func TestAppend_many_costsOneStatement(t *testing.T) {
	db := pgtest.New(t, outbox.Migrations())
	ctx, statements := pg.CountQueries(t.Context())
	if err := db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return outbox.Append(ctx, tx, event(ctx, "a", 1), event(ctx, "b", 1), event(ctx, "c", 1))
	}); err != nil {
		t.Fatal(err)
	}
	if n := statements.Load(); n != 1 {
		t.Errorf("%d statements, want 1", n)
	}
	if b := status(t, db); b.Unpublished != 3 || b.OldestAge <= 0 {
		t.Errorf("status %+v", b)
	}
}

func TestAppend_malformed_isRefused(t *testing.T) {
	db := pgtest.New(t, outbox.Migrations())
	for name, spoil := range map[string]func(*eventsv1.Envelope){
		"too few parts":      func(e *eventsv1.Envelope) { e.Subject = "teams.v1.team.project" },
		"empty part":         func(e *eventsv1.Envelope) { e.Subject = "teams.v1..updated.project" },
		"space":              func(e *eventsv1.Envelope) { e.Subject = "teams.v1.te am.updated.project" },
		"wildcard":           func(e *eventsv1.Envelope) { e.Subject = "teams.v1.*.updated.project" },
		"of another project": func(e *eventsv1.Envelope) { e.ProjectId = "other" },
		"no project":         func(e *eventsv1.Envelope) { e.Subject, e.ProjectId = "teams.v1.team.updated.", "" },
	} {
		e := event(t.Context(), "a", 1)
		spoil(e)
		if err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			return outbox.Append(ctx, tx, e)
		}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if b := status(t, db); b.Unpublished != 0 || b.OldestAge != 0 {
		t.Errorf("status %+v", b)
	}
}

// What the stream would never take is refused together with its change, in words:
// it would hold back its aggregate for ever and, with others like it, everybody.
func TestAppend_largerThanAMessage_isRefused(t *testing.T) {
	db := pgtest.New(t, outbox.Migrations())
	large := event(t.Context(), "a", 1)
	large.GetTeamUpdated().TeamId = strings.Repeat("a", 1<<20)
	err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return outbox.Append(ctx, tx, event(ctx, "b", 1), large)
	})
	if refused, ok := errors.AsType[*apierr.Error](err); !ok || refused.HTTP != http.StatusRequestEntityTooLarge || refused.Code != "" {
		t.Errorf("error %v", err)
	}
	if b := status(t, db); b.Unpublished != 0 {
		t.Errorf("status %+v", b)
	}
}

// The largest event there can be fits into the smallest message that a NATS
// server takes unless it is told otherwise.
func TestRelay_largestEvent_isTakenByNATS(t *testing.T) {
	db := pgtest.New(t, outbox.Migrations())
	largest := event(t.Context(), "a", 1)
	largest.GetTeamUpdated().TeamId = strings.Repeat("a", outbox.MaxEvent-proto.Size(largest)-16)
	appendEvents(t, db, largest)
	relay(t, db, connect(t, natstest.New(t)))
	awaitEmpty(t, db)
}

// More of them than a batch has, and they come first: whoever follows is heard
// all the same.
func TestRelay_manyThatNeverFit_holdBackNobodyElse(t *testing.T) {
	db, s := pgtest.New(t, outbox.Migrations()), newStream()
	s.fail = func(e *eventsv1.Envelope) error {
		if e.GetAggregate() == "team/large" {
			return nats.ErrMaxPayload
		}
		return nil
	}
	var events []*eventsv1.Envelope
	for version := range 600 {
		events = append(events, event(t.Context(), "large", version))
	}
	appendEvents(t, db, events...)
	appendEvents(t, db, event(t.Context(), "small", 1))
	relay(t, db, s)
	s.await(t, 1)
	if got := s.messages()[0].event.GetAggregate(); got != "team/small" {
		t.Errorf("published %s", got)
	}
}

// A batch is bounded by what it takes in memory too.
func TestRelay_largeEvents_arePublishedInOrder(t *testing.T) {
	db, s := pgtest.New(t, outbox.Migrations()), newStream()
	const n = 40
	for version := 1; version <= n; version++ {
		e := event(t.Context(), "a", version)
		e.GetTeamUpdated().TeamId = strings.Repeat("a", 1_000_000)
		appendEvents(t, db, e)
	}
	relay(t, db, s)
	s.await(t, n)
	for i, m := range s.messages() {
		if m.event.GetAggregateVersion() != int64(i+1) {
			t.Fatalf("message %d is of version %d", i, m.event.GetAggregateVersion())
		}
	}
}

// The sequence numbers of two transactions may become visible in the opposite
// order; a relay that remembers the last number it saw would lose one.
func TestRelay_lateCommitOfLowerNumber_isPublished(t *testing.T) {
	db, s := pgtest.New(t, outbox.Migrations()), newStream()
	relay(t, db, s)
	if err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		if err := outbox.Append(ctx, tx, event(ctx, "early", 1)); err != nil {
			return err
		}
		appendEvents(t, db, event(t.Context(), "late", 1))
		s.await(t, 1)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.await(t, 1)
	var order []string
	for _, m := range s.messages() {
		order = append(order, m.event.GetAggregate())
	}
	if !slices.Equal(order, []string{"team/late", "team/early"}) {
		t.Errorf("published %v", order)
	}
}

// A consumer that keeps the order of the stream keeps that of the changes, also
// between things that belong together.
func TestRelay_oneBatch_hasTheOrderOfTheOutbox(t *testing.T) {
	db, s := pgtest.New(t, outbox.Migrations()), newStream()
	appendEvents(t, db, event(t.Context(), "a", 1), event(t.Context(), "a", 2), event(t.Context(), "b", 1), event(t.Context(), "a", 3))
	relay(t, db, s)
	s.await(t, 4)
	var order []string
	for _, m := range s.messages() {
		order = append(order, fmt.Sprint(m.event.GetAggregate(), m.event.GetAggregateVersion()))
	}
	if want := []string{"team/a1", "team/a2", "team/b1", "team/a3"}; !slices.Equal(order, want) {
		t.Errorf("published %v, want %v", order, want)
	}
}

func TestRelay_refusedEvent_holdsBackItsAggregateOnly(t *testing.T) {
	db, s := pgtest.New(t, outbox.Migrations()), newStream()
	var tries int
	s.refuse = func(e *eventsv1.Envelope) bool {
		if e.GetAggregate() == "team/a" && e.GetAggregateVersion() == 2 {
			tries++
			return tries < 3
		}
		return false
	}
	for version := 1; version <= 4; version++ {
		appendEvents(t, db, event(t.Context(), "a", version), event(t.Context(), "b", version))
	}
	relay(t, db, s)
	s.await(t, 8)
	versions := map[string][]int64{}
	var order []string
	for _, m := range s.messages() {
		e := m.event
		order = append(order, fmt.Sprint(e.GetAggregate(), e.GetAggregateVersion()))
		versions[e.GetAggregate()] = append(versions[e.GetAggregate()], e.GetAggregateVersion())
	}
	for aggregate, got := range versions {
		if !slices.Equal(got, []int64{1, 2, 3, 4}) {
			t.Errorf("%s published in order %v", aggregate, got)
		}
	}
	if slices.Index(order, "team/b4") > slices.Index(order, "team/a2") {
		t.Errorf("another aggregate was held back: %v", order)
	}
}

func TestRelay_twoReplicas_sendEachEventOnce(t *testing.T) {
	url := pgtest.URL(t, outbox.Migrations())
	s := newStream()
	relay(t, pgtest.Open(t, url, 1), s)
	relay(t, pgtest.Open(t, url, 1), s)
	db := pgtest.Open(t, url, 8)
	const writers, each = 8, 50
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				appendEvents(t, db, event(t.Context(), fmt.Sprint(w), i+1))
			}
		})
	}
	wg.Wait()
	s.await(t, writers*each)
	awaitEmpty(t, db)
	next := map[string]int64{}
	for _, m := range s.messages() {
		e := m.event
		next[e.GetAggregate()]++
		if e.GetAggregateVersion() != next[e.GetAggregate()] {
			t.Fatalf("%s: version %d came as number %d", e.GetAggregate(), e.GetAggregateVersion(), next[e.GetAggregate()])
		}
	}
}

func TestRelay_connectionsKilled_goesOn(t *testing.T) {
	url := pgtest.URL(t, outbox.Migrations())
	s := newStream()
	relay(t, pgtest.Open(t, url, 1), s)
	db := pgtest.Open(t, url, 1)
	appendEvents(t, db, event(t.Context(), "a", 1))
	s.await(t, 1)
	if _, err := db.Querier(t.Context()).Exec(t.Context(),
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
		t.Fatal(err)
	}
	appendEvents(t, db, event(t.Context(), "a", 2))
	s.await(t, 1)
}

func TestReplay_sinceStart_sendsSameIDsAgain(t *testing.T) {
	db, s := pgtest.New(t, outbox.Migrations()), newStream()
	var want []string
	for version := 1; version <= 5; version++ {
		e := event(t.Context(), "a", version)
		want = append(want, e.GetId())
		appendEvents(t, db, e)
	}
	relay(t, db, s)
	s.await(t, 5)
	awaitEmpty(t, db)
	if n, err := outbox.Replay(t.Context(), db, 0); err != nil || n != 0 {
		t.Errorf("Replay of nothing = %d, %v", n, err)
	}
	if n, err := outbox.Replay(t.Context(), db, time.Hour); err != nil || n != 5 {
		t.Errorf("Replay = %d, %v, want 5", n, err)
	}
	s.await(t, 5)
	var got []string
	for _, m := range s.messages() {
		got = append(got, m.id)
	}
	if !slices.Equal(got, append(want, want...)) {
		t.Errorf("published %s", strings.Join(got, " "))
	}
}

// lossy is a bus that loses two events.
type lossy struct {
	*bus.Bus
	sent int
}

func (l *lossy) PublishAsync(subject, id, after string, payload []byte) (jetstream.PubAckFuture, error) {
	if l.sent++; l.sent == 5 || l.sent == 60 {
		lost := future{err: make(chan error, 1)}
		lost.err <- errors.New("lost")
		return lost, nil
	}
	return l.Bus.PublishAsync(subject, id, after, payload)
}

// Events are sent without waiting for each other. One that is lost on the way is
// all the same in the stream before those of its aggregate that follow it.
func TestRelay_eventLostOnTheWay_keepsItsPlace(t *testing.T) {
	db, b := pgtest.New(t, outbox.Migrations()), connect(t, natstest.New(t))
	const aggregates, versions = 3, 40
	for version := 1; version <= versions; version++ {
		var events []*eventsv1.Envelope
		for a := range aggregates {
			events = append(events, event(t.Context(), fmt.Sprint(a), version))
		}
		appendEvents(t, db, events...)
	}
	relay(t, db, &lossy{Bus: b})
	awaitEmpty(t, db)
	checkStream(t, b, aggregates*versions)
}

// Events written while NATS is away are all in the stream after its return,
// once each and in the order of their aggregate.
func TestRelay_natsAwayAndBack_losesNothing(t *testing.T) {
	db, srv := pgtest.New(t, outbox.Migrations()), natstest.New(t)
	b := connect(t, srv)
	relay(t, db, b)
	const aggregates, versions = 40, 25
	for version := 1; version <= versions; version++ {
		switch version {
		case 8:
			srv.Stop()
		case 18:
			srv.Start()
		}
		var events []*eventsv1.Envelope
		for a := range aggregates {
			events = append(events, event(t.Context(), fmt.Sprint(a), version))
		}
		appendEvents(t, db, events...)
	}
	awaitEmpty(t, db)
	checkStream(t, b, aggregates*versions)
}

func connect(t *testing.T, srv *natstest.Server) *bus.Bus {
	t.Helper()
	b, err := bus.Connect(bus.Config{URL: srv.URL(), Name: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// checkStream looks whether the stream has n events, those of each aggregate in
// order.
func checkStream(t *testing.T, b *bus.Bus, n uint64) {
	t.Helper()
	stream, err := b.JetStream().Stream(t.Context(), "TEAMS")
	if err != nil {
		t.Fatal(err)
	}
	if got := stream.CachedInfo().State.Msgs; got != n {
		t.Fatalf("%d messages stored, want %d", got, n)
	}
	last := map[string]int64{}
	for seq := range n {
		m, err := stream.GetMsg(t.Context(), seq+1)
		if err != nil {
			t.Fatal(err)
		}
		e := &eventsv1.Envelope{}
		if err := proto.Unmarshal(m.Data, e); err != nil {
			t.Fatal(err)
		}
		if e.GetAggregateVersion() != last[e.GetAggregate()]+1 {
			t.Fatalf("%s: version %d after %d", e.GetAggregate(), e.GetAggregateVersion(), last[e.GetAggregate()])
		}
		last[e.GetAggregate()]++
	}
}
