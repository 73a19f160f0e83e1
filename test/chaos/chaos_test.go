// Package chaos proves that what was acknowledged survives: processes are
// killed, and Postgres and NATS are, while people sign up, and afterwards nobody
// is missing and nothing is half-applied. Replicas that are replaced one by one
// lose no request at all.
//
// With -long the tests of whole promises run as long and as hard as before a
// release:
//
//	go test ./test/chaos -v -count=1 -timeout 40m -run 'Rolling|Postgres|NATS' -long
package chaos

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/natstest"
	"vestibule.dev/test/client"
	"vestibule.dev/test/database"
	"vestibule.dev/test/events"
	"vestibule.dev/test/fsck"
	"vestibule.dev/test/stack"
	"vestibule.dev/test/stripe"
)

var (
	system *stack.Stack
	// project gives everybody a team, so that a sign-up touches every context.
	project stack.Project
	// broker is the NATS server of all processes, which tests may stop.
	broker *natstest.Server
)

// long asks for what docs/reliability.md has figures of.
var long = flag.Bool("long", false,
	"rolling restarts for 18,000 requests, twenty restarts of Postgres, NATS away for a minute, and events delivered as in production")

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	store, err := os.MkdirTemp("", "vestibule-nats-*")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(store)
	if broker, err = natstest.Run(store); err != nil {
		return 1, err
	}
	defer broker.Stop()
	provider := stripe.Start()
	defer provider.Close()
	environ := append(provider.Environment(), fmt.Sprint("VESTIBULE_CHAOS_DELIVERY=", !*long))
	for _, process := range stack.Processes {
		environ = append(environ, strings.ToUpper(process)+"_NATS_URL="+broker.URL())
	}
	if system, err = stack.Start(context.Background(), environ...); err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := system.Stop(); err == nil {
			err = stopErr
		}
	}()
	project, err = client.NewProject(context.Background(), system.BaseURL, system.Projects["internal"], "Chaos",
		map[string]any{"create_team_on_sign_up": true})
	if err != nil {
		return 1, err
	}
	return m.Run(), nil
}

const (
	password    = "correct horse battery"
	callbackURL = "http://localhost:3000/verify"
	// pace is the pause between two sign-ups, of which each that fails doubles
	// the next, up to slowest, and crowd how many may wait for an answer at a
	// time: fewer than a service has connections to its database.
	pace    = 100 * time.Millisecond
	slowest = time.Second
	crowd   = 6
	// kills is how often each process is killed.
	kills = 2
	// between is how many more sign-ups must be acknowledged before the next
	// process is killed.
	between = 4
	// handed is how many mails of a project may be on their way to the mail
	// server at a time.
	handed = 8
	// patience covers a restart on a busy machine.
	patience = 5 * time.Minute
)

// bounded ends a test that hangs.
func bounded(t *testing.T) (context.Context, context.CancelFunc) {
	limit := 12 * time.Minute
	if *long {
		limit = 20 * time.Minute
	}
	return context.WithTimeout(t.Context(), limit)
}

// person is one who tried to sign up.
type person struct {
	email  string
	tokens client.Tokens
	// acknowledged people have an answer that says they have signed up;
	// renamed ones another that says they are called by their address.
	acknowledged, renamed bool
}

// crowdLog is what clients know of what they did.
type crowdLog struct {
	mu      sync.Mutex
	people  []*person
	acks    int
	failed  int // in a row
	changed chan struct{}
	faults  []string
}

func (l *crowdLog) add(p *person) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.people = append(l.people, p)
	l.failed++
	if p.acknowledged {
		l.acks++
		l.failed = 0
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *crowdLog) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

// await returns once n sign-ups have been acknowledged.
func (l *crowdLog) await(ctx context.Context, n int) error {
	for {
		l.mu.Lock()
		acks, changed := l.acks, l.changed
		l.mu.Unlock()
		if acks >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("only %d of %d sign-ups were acknowledged", acks, n)
		}
	}
}

func (l *crowdLog) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acks
}

// pause is the wait before the next sign-up. Who was turned away comes back
// later: an outage on a slow machine is not to be a crowd that nobody can look
// at afterwards.
func (l *crowdLog) pause() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return min(pace<<min(l.failed, 10), slowest)
}

// signUps lets people sign up at a steady pace until ctx ends, and returns when
// the last has an answer.
func (l *crowdLog) signUps(ctx context.Context) {
	room := make(chan struct{}, crowd)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(l.pause()):
		}
		select {
		case <-ctx.Done():
			return
		case room <- struct{}{}:
		}
		waiting.Go(func() {
			defer func() { <-room }()
			l.add(l.signUp(context.WithoutCancel(ctx)))
		})
	}
}

func (l *crowdLog) signUp(ctx context.Context) *person {
	p := &person{email: client.FreshEmail("survivor")}
	visitor := client.For(system.BaseURL, project, client.Public)
	answer, err := visitor.Do(ctx, http.MethodPost, "/auth/password/sign-up",
		map[string]any{"email": p.email, "password": password, "verification_callback_url": callbackURL})
	if !l.judge("sign-up", answer, err) {
		return p
	}
	if err := answer.Decode(&p.tokens); err != nil {
		l.fault("sign-up: %v", err)
		return p
	}
	p.acknowledged = true
	answer, err = visitor.SignedIn(p.tokens).Do(ctx, http.MethodPatch, "/users/me", map[string]any{"display_name": p.email})
	p.renamed = l.judge("rename", answer, err)
	return p
}

// judge reports whether a request succeeded. It may fail only by a lost
// connection or by an answer that says to come back later.
func (l *crowdLog) judge(what string, answer client.Response, err error) bool {
	switch {
	case err != nil:
		return false
	case answer.Status == http.StatusOK:
		return true
	case answer.Status == http.StatusServiceUnavailable:
		if answer.Header.Get("Retry-After") == "" {
			l.fault("%s: 503 without Retry-After", what)
		}
	default:
		l.fault("%s: %s", what, answer)
	}
	return false
}

// startSignUps lets people sign up until the returned function is called, which
// returns when the last has an answer.
func startSignUps(ctx context.Context) (log *crowdLog, stop func()) {
	log = &crowdLog{changed: make(chan struct{})}
	running, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		log.signUps(running)
	}()
	return log, func() {
		cancel()
		<-done
	}
}

func TestKill_eachProcessDuringSignUps_losesNothing(t *testing.T) {
	ctx, cancel := bounded(t)
	defer cancel()
	log, stop := startSignUps(ctx)
	defer stop()
	for range kills {
		for _, process := range stack.Processes {
			if err := log.await(ctx, log.count()+between); err != nil {
				t.Fatalf("before %s is killed: %v", process, err)
			}
			if err := end(ctx, process, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := log.await(ctx, log.count()+between); err != nil {
		t.Fatalf("after the last kill: %v", err)
	}
	stop()
	for _, fault := range log.faults {
		t.Error(fault)
	}
	t.Logf("%d sign-ups, %d acknowledged, %d kills", len(log.people), log.acks, kills*len(stack.Processes))
	check(ctx, t, log.people)
}

// check looks for everybody who was acknowledged, and for halves of those who
// were not.
func check(ctx context.Context, t *testing.T, people []*person) {
	databases, err := database.Open(ctx, system.Databases)
	if err != nil {
		t.Fatal(err)
	}
	defer databases.Close(ctx)
	stream, err := events.Open(broker.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	settle(ctx, t, databases, stream)
	var everybody sync.WaitGroup
	interrupted := interruptedMails(ctx, t, databases)
	room := make(chan struct{}, 4)
	for _, p := range people {
		room <- struct{}{}
		everybody.Go(func() {
			defer func() { <-room }()
			if err := p.check(ctx, interrupted); err != nil {
				t.Errorf("%s (acknowledged: %v): %v", p.email, p.acknowledged, err)
			}
		})
	}
	everybody.Wait()
	settle(ctx, t, databases, stream)
	orphans, err := fsck.Check(ctx, databases)
	if err != nil {
		t.Fatal(err)
	}
	for _, orphan := range orphans {
		t.Error(orphan)
	}
}

// settle waits until all work is done, also that which died with a process and
// is taken up again after a while: the claims of dead mail workers are given
// the age at which others may have them.
func settle(ctx context.Context, t *testing.T, databases *database.Set, stream *events.Log) {
	t.Helper()
	settling, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	aging, done := context.WithCancel(settling)
	aged := make(chan error, 1)
	go func() { aged <- ageClaims(aging) }()
	err := databases.Settle(settling, stream.Drained)
	done()
	if err := errors.Join(err, <-aged); err != nil {
		t.Fatal(err)
	}
}

// ageClaims makes twenty minutes of every claim that is older than a living
// worker's would be, until ctx ends.
func ageClaims(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, system.Databases["notifications"])
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		for _, statement := range []string{
			`UPDATE emails SET started_rendering_at = started_rendering_at - interval '20 minutes'
				WHERE finished_rendering_at IS NULL AND started_rendering_at BETWEEN now() - interval '10 minutes' AND now() - interval '10 seconds'`,
			`UPDATE emails SET started_sending_at = started_sending_at - interval '20 minutes'
				WHERE finished_sending_at IS NULL AND started_sending_at BETWEEN now() - interval '10 minutes' AND now() - interval '10 seconds'`,
		} {
			if _, err := conn.Exec(ctx, statement); err != nil && ctx.Err() == nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// interruptedMails are the users whose mail was being handed to the mail
// server when the process was killed. Nobody can know whether such a mail has
// arrived, and it is not sent twice.
func interruptedMails(ctx context.Context, t *testing.T, databases *database.Set) map[string]bool {
	t.Helper()
	rows, err := databases.Conn("notifications").Query(ctx,
		`SELECT user_id::text FROM emails WHERE handed_over_at IS NOT NULL AND server_error IS NOT NULL AND user_id IS NOT NULL`)
	if err != nil {
		t.Fatal(err)
	}
	users, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, user := range users {
		found[user] = true
	}
	if len(found) > 0 {
		t.Logf("%d mails were interrupted while they were handed over", len(found))
	}
	// Those of the tests before are among them.
	if ends := mailEnds.Load(); int64(len(found)) > handed*ends {
		t.Errorf("%d mails were interrupted, although what sends them ended %d times", len(found), ends)
	}
	return found
}

// insist sends a request that may be repeated until somebody has time for it.
func insist(ctx context.Context, c *client.Client, method, path string, body any) (client.Response, error) {
	var answer client.Response
	err := client.Poll(ctx, func(ctx context.Context) (err error) {
		answer, err = c.Do(ctx, method, path, body)
		if err == nil && answer.Status == http.StatusServiceUnavailable {
			err = errors.New(answer.String())
		}
		return err
	})
	return answer, err
}

func (p *person) check(ctx context.Context, interrupted map[string]bool) error {
	visitor := client.For(system.BaseURL, project, client.Public)
	answer, err := insist(ctx, visitor, http.MethodPost, "/auth/password/sign-in", map[string]any{"email": p.email, "password": password})
	switch {
	case err != nil:
		return err
	case !p.acknowledged && answer.Code() == "EMAIL_PASSWORD_MISMATCH":
		return nil // never signed up; nothing of it may be there, which fsck knows
	case answer.Status != http.StatusOK:
		return fmt.Errorf("sign-in: %s", answer)
	}
	var tokens client.Tokens
	if err := answer.Decode(&tokens); err != nil {
		return err
	}
	if p.acknowledged && tokens.UserID != p.tokens.UserID {
		return fmt.Errorf("was user %s and is %s", p.tokens.UserID, tokens.UserID)
	}
	var user struct {
		DisplayName  *string        `json:"display_name"`
		SelectedTeam map[string]any `json:"selected_team"`
	}
	answer, err = insist(ctx, visitor.SignedIn(tokens), http.MethodGet, "/users/me", nil)
	if err == nil && answer.Status != http.StatusOK {
		err = fmt.Errorf("the user: %s", answer)
	}
	if err := errors.Join(err, answer.Decode(&user)); err != nil {
		return err
	}
	if user.SelectedTeam == nil {
		return errors.New("has no personal team")
	}
	if p.renamed && (user.DisplayName == nil || *user.DisplayName != p.email) {
		return errors.New("the acknowledged name is gone")
	}
	if p.acknowledged {
		refresher := visitor.With("Refresh-Token", p.tokens.RefreshToken)
		if answer, err := insist(ctx, refresher, http.MethodPost, "/auth/sessions/current/refresh", nil); err != nil || answer.Status != http.StatusOK {
			return fmt.Errorf("the session is gone: %s, %w", answer, err)
		}
	}
	mails, err := client.Mailbox{URL: system.MailboxURL}.To(ctx, p.email)
	if err != nil {
		return err
	}
	if len(mails) == 0 && !interrupted[tokens.UserID] {
		return errors.New("has no verification mail")
	}
	return nil
}
