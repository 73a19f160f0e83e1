package courier_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"maps"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/secret"
)

func newBox(t *testing.T) *secret.Box {
	t.Helper()
	ring, err := secret.ParseKeyRing(secret.Secret("k1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))))
	if err != nil {
		t.Fatal(err)
	}
	return secret.NewBox(ring)
}

const code = "0123456789abcdefghjkmnpqrstvwxyz0123456789abc"

func mail() courier.Mail {
	return courier.Mail{
		ID:        ids.NewUUID(),
		Tenant:    ids.Tenant{ProjectID: "project", BranchID: "main"},
		Template:  "email_verification",
		ToUserID:  ids.NewUUID(),
		ToEmails:  []string{"somebody@example.com"},
		Variables: map[string]string{"emailVerificationLink": "https://example.com/?code=" + code},
	}
}

func enqueue(t *testing.T, db *pg.DB, mails ...courier.Mail) {
	t.Helper()
	if err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return courier.Enqueue(ctx, tx, newBox(t), mails...)
	}); err != nil {
		t.Fatal(err)
	}
}

// receiver takes mails over, after refusing on demand.
type receiver struct {
	mu     sync.Mutex
	times  map[string]int
	refuse func(courier.Mail) error
	took   chan courier.Mail
}

func newReceiver() *receiver {
	return &receiver{times: map[string]int{}, took: make(chan courier.Mail, 10_000)}
}

func (r *receiver) deliver(_ context.Context, m courier.Mail) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times[m.ID]++
	if r.refuse != nil {
		if err := r.refuse(m); err != nil {
			return err
		}
	}
	r.took <- m
	return nil
}

func (r *receiver) calls() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.times)
}

// await returns the next mail taken over.
func (r *receiver) await(t *testing.T) courier.Mail {
	t.Helper()
	select {
	case m := <-r.took:
		return m
	case <-time.After(5 * time.Minute):
		t.Fatal("no mail arrived")
		return courier.Mail{}
	}
}

// work runs a worker until the returned function or the end of the test stops
// it.
func work(t *testing.T, db *pg.DB, deliver courier.Deliver) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- courier.NewWorker(db, newBox(t), deliver, slog.New(slog.DiscardHandler)).Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func waiting(t *testing.T, db *pg.DB) (n int64) {
	t.Helper()
	if err := db.Querier(t.Context()).QueryRow(t.Context(), "SELECT count(*) FROM courier_mails").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func awaitEmpty(t *testing.T, db *pg.DB) {
	t.Helper()
	timeout := time.After(5 * time.Minute)
	for waiting(t, db) > 0 {
		select {
		case <-timeout:
			t.Fatal("the queue does not become empty")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func exec(t *testing.T, db *pg.DB, sql string) {
	t.Helper()
	if _, err := db.Querier(t.Context()).Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestEnqueue_committed_isHandedOverOnce(t *testing.T) {
	db, r := pgtest.New(t, courier.Migrations()), newReceiver()
	work(t, db, r.deliver)
	want := mail()
	enqueue(t, db, want)
	if got := r.await(t); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	awaitEmpty(t, db)
	if n := r.calls()[want.ID]; n != 1 {
		t.Errorf("handed over %d times", n)
	}
}

func TestEnqueue_rolledBack_isNeverHandedOver(t *testing.T) {
	db, r := pgtest.New(t, courier.Migrations()), newReceiver()
	work(t, db, r.deliver)
	boom := errors.New("boom")
	if err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return errors.Join(courier.Enqueue(ctx, tx, newBox(t), mail()), boom)
	}); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	want := mail()
	enqueue(t, db, want)
	if got := r.await(t); got.ID != want.ID {
		t.Errorf("a mail of a rolled back change was handed over")
	}
}

func TestEnqueue_many_costsOneStatement(t *testing.T) {
	db := pgtest.New(t, courier.Migrations())
	again := mail()
	ctx, statements := pg.CountQueries(t.Context())
	if err := db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return courier.Enqueue(ctx, tx, newBox(t), mail(), again, again)
	}); err != nil {
		t.Fatal(err)
	}
	if n := statements.Load(); n != 1 {
		t.Errorf("%d statements, want 1", n)
	}
	if n := waiting(t, db); n != 2 {
		t.Errorf("%d mails wait, want 2: an id waits once", n)
	}
}

func TestEnqueue_incomplete_isRefused(t *testing.T) {
	db := pgtest.New(t, courier.Migrations())
	for name, spoil := range map[string]func(*courier.Mail){
		"no id":       func(m *courier.Mail) { m.ID = "" },
		"no project":  func(m *courier.Mail) { m.Tenant.ProjectID = "" },
		"no template": func(m *courier.Mail) { m.Template = "" },
	} {
		m := mail()
		spoil(&m)
		if err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			return courier.Enqueue(ctx, tx, newBox(t), m)
		}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// The rows hold codes and addresses; a dump of the database shows neither.
func TestEnqueue_stored_isSealed(t *testing.T) {
	db := pgtest.New(t, courier.Migrations())
	enqueue(t, db, mail())
	var payload []byte
	if err := db.Querier(t.Context()).QueryRow(t.Context(), "SELECT payload FROM courier_mails").Scan(&payload); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(payload, []byte(code)) || bytes.Contains(payload, []byte("example.com")) {
		t.Error("the row is readable")
	}
}

func TestWorker_refused_triesUntilTaken(t *testing.T) {
	db, r := pgtest.New(t, courier.Migrations()), newReceiver()
	stubborn, easy := mail(), mail()
	refusals := 3
	r.refuse = func(m courier.Mail) error {
		if m.ID == stubborn.ID && refusals > 0 {
			refusals--
			return errors.New("not now")
		}
		return nil
	}
	work(t, db, r.deliver)
	enqueue(t, db, stubborn, easy)
	if first := r.await(t); first.ID != easy.ID {
		t.Error("a refused mail held up another one")
	}
	if second := r.await(t); second.ID != stubborn.ID {
		t.Errorf("got mail %s", second.ID)
	}
	awaitEmpty(t, db)
	if n := r.calls()[stubborn.ID]; n != 4 {
		t.Errorf("handed over %d times, want 4", n)
	}
}

func TestWorker_twoReplicas_handOverEachMailOnce(t *testing.T) {
	const mails = 300
	url := pgtest.URL(t, courier.Migrations())
	db, r := pgtest.Open(t, url, 4), newReceiver()
	work(t, pgtest.Open(t, url, 4), r.deliver)
	work(t, pgtest.Open(t, url, 4), r.deliver)
	for range mails / 10 {
		var batch []courier.Mail
		for range 10 {
			batch = append(batch, mail())
		}
		enqueue(t, db, batch...)
	}
	for range mails {
		r.await(t)
	}
	awaitEmpty(t, db)
	for id, n := range r.calls() {
		if n != 1 {
			t.Errorf("mail %s was handed over %d times", id, n)
		}
	}
}

// A worker that ends in the middle of handing over leaves the mail to the next
// one, once its lease has ended.
func TestWorker_endsMeanwhile_anotherTakesOver(t *testing.T) {
	db, r := pgtest.New(t, courier.Migrations()), newReceiver()
	started := make(chan struct{})
	begin := sync.OnceFunc(func() { close(started) })
	stop := work(t, db, func(ctx context.Context, _ courier.Mail) error {
		begin()
		<-ctx.Done()
		return ctx.Err()
	})
	want := mail()
	enqueue(t, db, want)
	<-started
	stop()
	if n := waiting(t, db); n != 1 {
		t.Fatalf("%d mails wait, want 1", n)
	}
	exec(t, db, "UPDATE courier_mails SET next_attempt_at = now()")
	work(t, db, r.deliver)
	if got := r.await(t); got.ID != want.ID {
		t.Errorf("got mail %s", got.ID)
	}
}

// A worker whose lease has ended must not put off the mail that another one
// holds.
func TestWorker_leaseLost_leavesTheMailAlone(t *testing.T) {
	db := pgtest.New(t, courier.Migrations())
	first, second := mail(), mail()
	called := make(chan string, 2)
	work(t, db, func(_ context.Context, m courier.Mail) error {
		called <- m.ID
		if m.ID == second.ID {
			return nil
		}
		exec(t, db, "UPDATE courier_mails SET attempts = attempts + 1, next_attempt_at = 'infinity' WHERE id = '"+first.ID+"'")
		return errors.New("too late")
	})
	enqueue(t, db, first)
	<-called
	// The worker is through with the first mail when it calls for the second.
	enqueue(t, db, second)
	if id := <-called; id != second.ID {
		t.Fatal("the mail of the other worker was taken")
	}
	var untouched bool
	if err := db.Querier(t.Context()).QueryRow(t.Context(),
		"SELECT next_attempt_at = 'infinity' AND attempts = 2 FROM courier_mails WHERE id = $1", first.ID).Scan(&untouched); err != nil || !untouched {
		t.Errorf("the mail was put off: %v", err)
	}
}

// R38: the only connection is free while a mail is on its way.
func TestWorker_oneConnection_isFreeDuringTheCall(t *testing.T) {
	db, took := pgtest.Open(t, pgtest.URL(t, courier.Migrations()), 1), make(chan error, 1)
	work(t, db, func(ctx context.Context, _ courier.Mail) error {
		err := db.Ping(ctx)
		took <- err
		return err
	})
	enqueue(t, db, mail())
	if err := <-took; err != nil {
		t.Error(err)
	}
}

func TestWorker_refusedForAWeek_givesUp(t *testing.T) {
	db, r := pgtest.New(t, courier.Migrations()), newReceiver()
	r.refuse = func(courier.Mail) error { return errors.New("never") }
	enqueue(t, db, mail())
	exec(t, db, "UPDATE courier_mails SET created_at = now() - interval '8 days'")
	work(t, db, r.deliver)
	awaitEmpty(t, db)
}

// A row that was moved to another project does not open there.
func TestWorker_movedRow_isNotHandedOver(t *testing.T) {
	db, r := pgtest.New(t, courier.Migrations()), newReceiver()
	enqueue(t, db, mail())
	exec(t, db, "UPDATE courier_mails SET project_id = 'other', created_at = now() - interval '8 days'")
	work(t, db, r.deliver)
	awaitEmpty(t, db)
	if calls := r.calls(); len(calls) != 0 {
		t.Errorf("handed over: %v", calls)
	}
}

func TestWorker_logs_holdNoContent(t *testing.T) {
	db := pgtest.New(t, courier.Migrations())
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	refused := 0
	worker := courier.NewWorker(db, newBox(t), func(context.Context, courier.Mail) error {
		if refused++; refused == 2 {
			cancel()
		}
		return errors.New("not now")
	}, slog.New(slog.NewTextHandler(&log, nil)))
	enqueue(t, db, mail())
	if err := worker.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if out := log.String(); !strings.Contains(out, "not now") || strings.Contains(out, code) || strings.Contains(out, "example.com") {
		t.Errorf("log: %s", out)
	}
}

func TestPurgeProject_ownMails_areGone(t *testing.T) {
	db := pgtest.New(t, courier.Migrations())
	enqueue(t, db, mail())
	purge(t, db, "other", 1)
	purge(t, db, "project", 0)
}

func purge(t *testing.T, db *pg.DB, project string, want int64) {
	t.Helper()
	if err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return courier.PurgeProject(ctx, tx, project)
	}); err != nil {
		t.Fatal(err)
	}
	if n := waiting(t, db); n != want {
		t.Errorf("%d mails wait after the purge of %s, want %d", n, project, want)
	}
}
