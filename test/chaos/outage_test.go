package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/ids"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/test/client"
	"vestibule.dev/test/database"
	"vestibule.dev/test/events"
	"vestibule.dev/test/process"
	"vestibule.dev/test/stack"
)

// How often Postgres is ended while people sign up.
const (
	restarts     = 3
	longRestarts = 20
)

// Postgres ends at once, without writing down what it holds in memory (R32).
// Callers are asked to come back, and what was acknowledged is there.
func TestPostgres_endsAtOnceDuringSignUps_losesNothing(t *testing.T) {
	ctx, cancel := bounded(t)
	defer cancel()
	log, stop := startSignUps(ctx)
	defer stop()
	var slowest time.Duration
	turns := restarts
	if *long {
		turns = longRestarts
	}
	for range turns {
		if err := log.await(ctx, log.count()+between); err != nil {
			t.Fatalf("before Postgres ends: %v", err)
		}
		if err := end(ctx, "postgres", syscall.SIGQUIT); err != nil {
			t.Fatal(err)
		}
		if err := client.Poll(ctx, accepts); err != nil {
			t.Fatal(err)
		}
		back := time.Now()
		if err := log.await(ctx, log.count()+1); err != nil {
			t.Fatalf("after Postgres is back: %v", err)
		}
		slowest = max(slowest, time.Since(back))
	}
	stop()
	for _, fault := range log.faults {
		t.Error(fault)
	}
	t.Logf("%d sign-ups, %d acknowledged, %d restarts; the first was acknowledged at most %v after Postgres was back",
		len(log.people), log.acks, turns, slowest.Round(time.Millisecond))
	check(ctx, t, log.people)
}

// accepts reports whether Postgres has read its log again and lets people in.
func accepts(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, system.Databases["identity"])
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

const (
	// outage is how long NATS is away, in acknowledged sign-ups.
	outage = 30
	// longOutage is how many more requests come meanwhile with -long, at
	// longPace: a minute's worth.
	longOutage = 6000
	longPace   = 10 * time.Millisecond
	// longBacklog is how many events wait at the end of it: those of a minute at
	// a thousand a second.
	longBacklog = 60_000
)

// NATS is away for a while (R34). Nobody notices, a service can even be
// restarted meanwhile, and the events arrive when it is back.
func TestNATS_awayDuringSignUps_isNoticedByNobody(t *testing.T) {
	ctx, cancel := bounded(t)
	defer cancel()
	log, stop := startSignUps(ctx)
	defer stop()
	if err := log.await(ctx, between); err != nil {
		t.Fatal(err)
	}
	broker.Stop()
	if err := log.await(ctx, log.count()+outage/2); err != nil {
		t.Fatalf("without NATS: %v", err)
	}
	// Nobody asks teams while nobody signs up.
	stop()
	for _, p := range log.people {
		if !p.acknowledged || !p.renamed {
			t.Errorf("%s noticed: acknowledged %v, renamed %v", p.email, p.acknowledged, p.renamed)
		}
	}
	if err := end(ctx, "teams", syscall.SIGTERM); err != nil {
		t.Fatalf("a restart without NATS: %v", err)
	}
	rest, stopRest := startSignUps(ctx)
	defer stopRest()
	if err := rest.await(ctx, outage/2); err != nil {
		t.Fatalf("without NATS, after a restart: %v", err)
	}
	stopRest()
	databases, err := database.Open(ctx, system.Databases)
	if err != nil {
		t.Fatal(err)
	}
	defer databases.Close(ctx)
	if *long {
		usual(ctx, t)
		if err := heap(ctx, databases, longBacklog); err != nil {
			t.Fatal(err)
		}
	}
	waiting, err := unpublished(ctx, databases)
	if err != nil {
		t.Fatal(err)
	}
	if waiting == 0 {
		t.Error("nothing waited for NATS: it was not away")
	}
	cost, err := meter()
	if err != nil {
		t.Fatal(err)
	}
	if err := broker.Up(); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	stream, err := events.Open(broker.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	err = client.Poll(ctx, func(ctx context.Context) error { return allPublished(ctx, databases) })
	if err != nil {
		t.Fatal(err)
	}
	published := time.Since(back)
	if err := client.Poll(ctx, stream.Drained); err != nil {
		t.Fatal(err)
	}
	consumed := time.Since(back)
	spent, err := cost()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d sign-ups without NATS, %d events waited; published %v and consumed %v after it was back, for seconds of processor time: %s",
		len(log.people)+len(rest.people), waiting, published.Round(time.Millisecond), consumed.Round(time.Millisecond), spent)
	settle(ctx, t, databases, stream)
	for _, fault := range append(log.faults, rest.faults...) {
		t.Error(fault)
	}
	check(ctx, t, append(log.people, rest.people...))
}

// meter begins to count processor time; the returned function says how much each
// process has taken since. NATS is part of the test.
func meter() (spent func() (string, error), err error) {
	now, err := stack.Read(system.DataDir())
	if err != nil {
		return nil, err
	}
	read := func() (map[string]time.Duration, error) {
		used := map[string]time.Duration{}
		for name, pid := range now.PIDs {
			cpu, err := process.CPU(pid)
			if err != nil {
				return nil, err
			}
			used[name] = cpu
		}
		var own syscall.Rusage
		err := syscall.Getrusage(syscall.RUSAGE_SELF, &own)
		used["nats and the test"] = time.Duration(own.Utime.Nano() + own.Stime.Nano())
		return used, err
	}
	before, err := read()
	return func() (string, error) {
		after, err := read()
		var list []string
		for _, name := range slices.Sorted(maps.Keys(after)) {
			list = append(list, fmt.Sprintf("%s %.1f", name, (after[name]-before[name]).Seconds()))
		}
		return strings.Join(list, ", "), err
	}, err
}

// usual is the traffic of a minute, of which nothing may fail.
func usual(ctx context.Context, t *testing.T) {
	t.Helper()
	load := &traffic{
		gateways: &balancer{all: []string{strings.TrimPrefix(system.BaseURL, "http://")}}, changed: make(chan struct{}),
	}
	for range crowdOfRolling {
		tokens, err := client.For(system.BaseURL, project, client.Public).SignUp(ctx, client.FreshEmail("usual"), password)
		if err != nil {
			t.Fatal(err)
		}
		load.people = append(load.people, tokens)
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		load.run(running, longPace)
	}()
	if err := load.await(ctx, longOutage); err != nil {
		t.Fatal(err)
	}
	stop()
	<-done
	for _, fault := range load.faults {
		t.Error(fault)
	}
	t.Log(load)
}

// heap makes events of identity wait, beside those that do, until there are so
// many: more than a machine of this size can be asked for in a minute. They tell
// once more what others have told, under ids of their own.
func heap(ctx context.Context, databases *database.Set, want int) error {
	waiting, err := unpublished(ctx, databases)
	if err != nil {
		return err
	}
	conn := databases.Conn("identity")
	rows, err := conn.Query(ctx, `SELECT payload FROM outbox WHERE published_at IS NULL AND subject LIKE 'identity.v1.user.updated.%'`)
	if err != nil {
		return err
	}
	told, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return err
	}
	if len(told) == 0 {
		return errors.New("no change of a user waits")
	}
	var (
		eventIDs, subjects, projects, aggregates []string
		versions                                 []int64
		payloads                                 [][]byte
	)
	for i := range want - waiting {
		var envelope eventsv1.Envelope
		if err := proto.Unmarshal(told[i%len(told)], &envelope); err != nil {
			return err
		}
		envelope.Id = ids.NewUUID()
		payload, err := proto.Marshal(&envelope)
		if err != nil {
			return err
		}
		eventIDs, subjects, projects = append(eventIDs, envelope.GetId()), append(subjects, envelope.GetSubject()), append(projects, envelope.GetProjectId())
		aggregates, versions, payloads = append(aggregates, envelope.GetAggregate()), append(versions, envelope.GetAggregateVersion()), append(payloads, payload)
	}
	_, err = conn.Exec(ctx, `
INSERT INTO outbox (id, subject, project_id, aggregate, aggregate_version, payload)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[])`,
		eventIDs, subjects, projects, aggregates, versions, payloads)
	return err
}

// unpublished is the number of events that wait in all outboxes.
func unpublished(ctx context.Context, databases *database.Set) (int, error) {
	total := 0
	for name := range system.Databases {
		var n int
		if err := databases.Conn(name).QueryRow(ctx, `SELECT count(*) FROM outbox WHERE published_at IS NULL`).Scan(&n); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		total += n
	}
	return total, nil
}

// allPublished returns an error while an event waits. It takes little from a
// machine that is busy publishing.
func allPublished(ctx context.Context, databases *database.Set) error {
	for name := range system.Databases {
		var wait bool
		if err := databases.Conn(name).QueryRow(ctx, `SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)`).Scan(&wait); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if wait {
			return fmt.Errorf("events of %s are still not published", name)
		}
	}
	return nil
}

// mailEnds is how often what sends mails was ended, or what it writes to.
var mailEnds atomic.Int64

// end ends a process with a signal and waits until another has taken its place.
func end(ctx context.Context, process string, signal syscall.Signal) error {
	if process == "notifications" || process == "postgres" {
		mailEnds.Add(1)
	}
	now, err := stack.Read(system.DataDir())
	if err != nil {
		return err
	}
	victim := now.PIDs[process]
	if victim == 0 {
		return fmt.Errorf("dev.json names no %s", process)
	}
	if err := syscall.Kill(victim, signal); err != nil {
		return fmt.Errorf("end %s: %w", process, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return client.Poll(ctx, func(context.Context) error {
		now, err := stack.Read(system.DataDir())
		if err != nil {
			return err
		}
		if now.PIDs[process] == victim || now.PIDs[process] == 0 {
			return fmt.Errorf("%s is not back", process)
		}
		return nil
	})
}
