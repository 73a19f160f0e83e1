package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain/webhook"
	"vestibule.dev/services/notifications/internal/postgres"
	"vestibule.dev/services/notifications/internal/worker"
)

// post is a request that a receiver got.
type post struct {
	header http.Header
	body   []byte
}

func (p post) id() string { return p.header.Get("Webhook-Id") }

func (p post) eventType() string {
	var envelope struct{ Type string }
	_ = json.Unmarshal(p.body, &envelope)
	return envelope.Type
}

// receiver is an endpoint of a project. It answers what answer says, or 204.
type receiver struct {
	*httptest.Server

	t      *testing.T
	mu     sync.Mutex
	posts  []post
	answer func(p post) int
	got    chan struct{}
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, got: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		status := r.take(post{header: req.Header.Clone(), body: body})
		if status == 0 {
			panic(http.ErrAbortHandler) // reset
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, http.StatusText(status))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(p post) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	status := http.StatusNoContent
	if r.answer != nil {
		status = r.answer(p)
	}
	r.posts = append(r.posts, p)
	select {
	case r.got <- struct{}{}:
	default:
	}
	return status
}

func (r *receiver) answers(answer func(p post) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) all() []post {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.posts)
}

// await waits until done says that what arrived is enough.
func (r *receiver) await(done func(posts []post) bool) []post {
	r.t.Helper()
	timeout := time.After(5 * time.Minute)
	for {
		if posts := r.all(); done(posts) {
			return posts
		}
		select {
		case <-r.got:
		case <-timeout:
			r.t.Fatalf("only %d posts arrived", len(r.all()))
		}
	}
}

func admin(tenant ids.Tenant) context.Context {
	return principal.NewContext(context.Background(), principal.Principal{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Access: principal.AccessAdmin,
	})
}

// endpoint adds an endpoint to the project and returns its id and secret.
func (f *fixture) endpoint(url string, types ...string) (id, key string) {
	f.t.Helper()
	endpoint, secret, err := f.CreateWebhookEndpoint(admin(tenant), app.WebhookEndpointPatch{
		URL: patch.Value(url), FilterTypes: patch.Value(types),
	}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return endpoint.ID, secret.Reveal()
}

// happen tells the endpoints of something.
func (f *fixture) happen(eventType, resource string, version int64) {
	f.t.Helper()
	if err := f.SendWebhooks(f.t.Context(), fact(eventType, resource, version)); err != nil {
		f.t.Fatal(err)
	}
}

func fact(eventType, resource string, version int64) app.WebhookFact {
	return app.WebhookFact{
		Tenant: tenant, EventType: eventType, Data: json.RawMessage(fmt.Sprintf(`{"resource":%q,"version":%d}`, resource, version)),
		Resource: resource, Version: version, OccurredAt: time.Now(),
	}
}

func anyRoom(app.QueuedWebhookEndpoint, int, int) int { return 1000 }

// deliver makes one attempt at everything that is due, and returns how many.
func (f *fixture) deliver() int {
	f.t.Helper()
	calls, err := f.ClaimWebhooks(f.t.Context(), anyRoom)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, call := range calls {
		if err := f.CallWebhook(f.t.Context(), call); err != nil {
			f.t.Error(err)
		}
	}
	return len(calls)
}

// retry makes what waits for another attempt due.
func (f *fixture) retry() {
	f.t.Helper()
	f.exec("UPDATE webhook_lanes SET due_at = now() WHERE worker_id IS NULL AND due_at > now() AND due_at < 'infinity'")
}

func (f *fixture) message(messageID string) *webhook.Message {
	f.t.Helper()
	message, err := f.GetWebhookMessage(admin(tenant), messageID)
	if err != nil {
		f.t.Fatal(err)
	}
	return message
}

// workWebhooks runs webhook workers on their own connections until the test
// ends.
func (f *fixture) workWebhooks(maxConns ...int) {
	f.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	f.t.Cleanup(func() { stop(); all.Wait() })
	for _, n := range maxConns {
		db := pgtest.Open(f.t, f.url, n)
		listen := func(ctx context.Context, interval time.Duration, wake func(context.Context)) error {
			return db.Listen(ctx, postgres.WebhookChannel, interval, wake)
		}
		all.Go(func() {
			if err := worker.NewWebhooks(f.replica(db), listen, slog.New(slog.DiscardHandler)).Run(ctx); err != nil {
				f.t.Error(err)
			}
		})
	}
}
