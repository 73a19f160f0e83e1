package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"vestibule.dev/pkg/apierr"
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

func TestSendWebhooks_signed_arriveAsTheyHappened(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	_, key := f.endpoint(r.URL)
	f.happen("user.created", "user/1", 1)
	if n := f.deliver(); n != 1 {
		t.Fatalf("%d deliveries", n)
	}
	posts := r.all()
	if len(posts) != 1 || string(posts[0].body) != `{"type":"user.created","data":{"resource":"user/1","version":1}}` {
		t.Fatalf("got %q", posts)
	}
	verifier, err := standardwebhooks.NewWebhook(key)
	if err != nil {
		t.Fatal(err)
	}
	header := posts[0].header
	if err := verifier.Verify(posts[0].body, header); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"id", "timestamp", "signature"} {
		if header.Get("svix-"+name) == "" || header.Get("svix-"+name) != header.Get("webhook-"+name) {
			t.Errorf("%s is %q and %q", name, header.Get("svix-"+name), header.Get("webhook-"+name))
		}
	}
	if !strings.HasPrefix(posts[0].id(), "msg_") || header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", header)
	}
	message := f.message(posts[0].id())
	if len(message.Deliveries) != 1 || message.Deliveries[0].Status != webhook.Delivered || message.Deliveries[0].NextAttemptAt != nil {
		t.Errorf("deliveries %+v", message.Deliveries)
	}
	if f.deliver() != 0 {
		t.Error("delivered twice")
	}
}

func TestSendWebhooks_withoutEndpoint_keepsNothing(t *testing.T) {
	f := newFixture(t)
	f.happen("user.created", "user/1", 1)
	if got := f.query("SELECT count(*)::text FROM webhook_messages"); got != "0" {
		t.Errorf("%s messages", got)
	}
}

func TestSendWebhooks_filterTypes_limitAnEndpoint(t *testing.T) {
	f := newFixture(t)
	users, everything := newReceiver(t), newReceiver(t)
	f.endpoint(users.URL, "user.created", "user.deleted")
	f.endpoint(everything.URL)
	for i, eventType := range []string{"user.created", "user.updated", "team.created"} {
		f.happen(eventType, eventType, int64(i))
	}
	for f.deliver() > 0 {
	}
	if posts := users.all(); len(posts) != 1 || posts[0].eventType() != "user.created" {
		t.Errorf("got %q", posts)
	}
	if posts := everything.all(); len(posts) != 3 {
		t.Errorf("got %q", posts)
	}
}

// The endpoint fails for good: it is tried eight times over 27 hours, under one
// id and with a signature of the moment.
func TestCallWebhook_alwaysFailing_followsTheSchedule(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	endpointID, _ := f.endpoint(r.URL)
	r.answers(func(post) int { return http.StatusInternalServerError })
	f.happen("user.created", "user/1", 1)
	var waits []int
	for f.deliver() > 0 {
		// Of the moment of the attempt, not of this one.
		wait, err := strconv.Atoi(f.query("SELECT coalesce((SELECT extract(epoch FROM l.due_at - max(a.created_at)) FROM webhook_lanes l, webhook_attempts a GROUP BY l.due_at), 0)::int::text"))
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, wait)
		f.retry()
	}
	if want := []int{5, 300, 1800, 7200, 18000, 36000, 36000, 0}; !slices.Equal(waits, want) {
		t.Errorf("waited %v seconds, want %v", waits, want)
	}
	posts := r.all()
	for _, p := range posts {
		if p.id() != posts[0].id() {
			t.Errorf("ids %s and %s", p.id(), posts[0].id())
		}
	}
	message := f.message(posts[0].id())
	if d := message.Deliveries[0]; d.Status != webhook.Failed || d.Attempts != 8 {
		t.Errorf("delivery %+v", d)
	}
	attempts, next, err := f.ListWebhookAttempts(admin(tenant), app.WebhookAttemptFilter{EndpointID: endpointID}, app.Page{Limit: 5})
	if err != nil || len(attempts) != 5 || next == nil {
		t.Fatalf("%d attempts, %v, %v", len(attempts), next, err)
	}
	if a := attempts[0]; a.Number != 8 || a.Status != 500 || a.Body != "Internal Server Error" || a.Succeeded() || a.EventType != "user.created" {
		t.Errorf("attempt %+v", a)
	}
	rest, next, err := f.ListWebhookAttempts(admin(tenant), app.WebhookAttemptFilter{EndpointID: endpointID}, app.Page{Limit: 5, Cursor: *next})
	if err != nil || len(rest) != 3 || next != nil || rest[2].Number != 1 {
		t.Errorf("then %+v, %v, %v", rest, next, err)
	}
}

func TestCallWebhook_failingForDays_disablesTheEndpoint(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	endpointID, _ := f.endpoint(r.URL)
	r.answers(func(post) int { return http.StatusGone })
	f.happen("user.created", "user/1", 1)
	f.deliver()
	get := func() *webhook.Endpoint {
		t.Helper()
		endpoint, err := f.GetWebhookEndpoint(admin(tenant), endpointID)
		if err != nil {
			t.Fatal(err)
		}
		return endpoint
	}
	if e := get(); e.Disabled || e.FailingSince == nil {
		t.Errorf("after one failure %+v", e)
	}
	// A success in between starts the time anew.
	f.exec("UPDATE webhook_endpoints SET failing_since = now() - interval '10 days'")
	r.answers(nil)
	f.retry()
	f.deliver()
	if e := get(); e.Disabled || e.FailingSince != nil {
		t.Errorf("after a success %+v", e)
	}
	r.answers(func(post) int { return http.StatusGone })
	f.happen("user.updated", "user/1", 2)
	f.deliver()
	f.exec("UPDATE webhook_endpoints SET failing_since = now() - interval '4 days 23 hours'")
	f.retry()
	f.deliver()
	if e := get(); e.Disabled {
		t.Error("disabled too soon")
	}
	f.exec("UPDATE webhook_endpoints SET failing_since = now() - interval '5 days 1 minute'")
	f.retry()
	f.deliver()
	if e := get(); !e.Disabled {
		t.Error("not disabled")
	}
	// It is left alone, and gets everything once it is enabled.
	before := len(r.all())
	f.happen("user.updated", "user/1", 3)
	f.happen("user.created", "user/2", 1)
	f.retry()
	if n := f.deliver(); n != 0 {
		t.Errorf("%d deliveries to a disabled endpoint", n)
	}
	if err := f.TidyWebhooks(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.answers(nil)
	if _, err := f.UpdateWebhookEndpoint(admin(tenant), endpointID, app.WebhookEndpointPatch{Disabled: patch.Value(false)}); err != nil {
		t.Fatal(err)
	}
	for f.deliver() > 0 {
	}
	if e := get(); e.Disabled || e.FailingSince != nil {
		t.Errorf("enabled %+v", e)
	}
	if got := len(r.all()) - before; got != 3 {
		t.Errorf("%d deliveries after it was enabled, want 3", got)
	}
}

// What is about one thing arrives in order, whatever fails; other things do not
// wait for it.
func TestCallWebhook_failingResource_holdsUpItselfAlone(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	f.endpoint(r.URL)
	r.answers(func(p post) int {
		if strings.Contains(string(p.body), `"user/1"`) {
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	f.happen("user.updated", "user/1", 2) // overtook its predecessor on the stream
	f.happen("user.created", "user/1", 1)
	f.happen("user.created", "user/2", 1)
	f.happen("user.updated", "user/2", 2)
	for f.deliver() > 0 {
	}
	var types []string
	for _, p := range r.all() {
		types = append(types, p.eventType())
	}
	slices.Sort(types)
	if want := []string{"user.created", "user.created", "user.updated"}; !slices.Equal(types, want) {
		t.Errorf("attempts %v, want %v", types, want)
	}
	r.answers(nil)
	for range 2 {
		f.retry()
		f.deliver()
	}
	posts := r.all()
	if n := len(posts); n != 5 || posts[3].eventType() != "user.created" || posts[4].eventType() != "user.updated" {
		t.Errorf("%d posts", n)
	}
}

func TestSendWebhooks_personalTeam_comesBeforeItsUser(t *testing.T) {
	user := fact("user.created", "user/1", 1)
	user.Awaits, user.AwaitsType = "team/1", "team.created"
	team := fact("team.created", "team/1", 1)
	for name, order := range map[string][]app.WebhookFact{"team first": {team, user}, "user first": {user, team}} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			r := newReceiver(t)
			f.endpoint(r.URL)
			users := newReceiver(t)
			f.endpoint(users.URL, "user.created")
			for _, fact := range order {
				if err := f.SendWebhooks(t.Context(), fact); err != nil {
					t.Fatal(err)
				}
				f.deliver()
			}
			for f.deliver() > 0 {
			}
			if posts := r.all(); len(posts) != 2 || posts[0].eventType() != "team.created" || posts[1].eventType() != "user.created" {
				t.Errorf("%d posts, first %s", len(posts), posts[0].body)
			}
			// Who is not told of teams does not wait for one.
			if n := len(users.all()); n != 1 {
				t.Errorf("%d posts", n)
			}
		})
	}
	t.Run("no team", func(t *testing.T) {
		f := newFixture(t)
		r := newReceiver(t)
		f.endpoint(r.URL)
		if err := f.SendWebhooks(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		if f.deliver() != 0 {
			t.Error("did not wait")
		}
		f.retry() // ten seconds later
		if f.deliver() != 1 {
			t.Error("waits for ever")
		}
	})
}

// What has no version is told in the order in which it came, whatever the clocks
// of those who tell it say.
func TestSendWebhooks_withoutVersion_keepTheOrderOfArrival(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	f.endpoint(r.URL)
	joined := fact("team_membership.created", "membership/1/1", 0)
	left := fact("team_membership.deleted", "membership/1/1", 0)
	left.OccurredAt = joined.OccurredAt.Add(-time.Minute)
	if err := f.SendWebhooks(t.Context(), joined, left); err != nil {
		t.Fatal(err)
	}
	for f.deliver() > 0 {
	}
	if posts := r.all(); len(posts) != 2 || posts[0].eventType() != "team_membership.created" {
		t.Errorf("%d posts, first %s", len(posts), posts[0].body)
	}
}

func TestRotateWebhookSecret_overlap_signsWithBoth(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	endpointID, first := f.endpoint(r.URL)
	verify := func(p post, key string) error {
		verifier, err := standardwebhooks.NewWebhook(key)
		if err != nil {
			t.Fatal(err)
		}
		return verifier.Verify(p.body, p.header)
	}
	second, err := f.RotateWebhookSecret(admin(tenant), endpointID, nil)
	if err != nil || second.Reveal() == first {
		t.Fatal(err)
	}
	if current, err := f.GetWebhookSecret(admin(tenant), endpointID); err != nil || current != second {
		t.Errorf("the secret is not the new one, %v", err)
	}
	f.happen("user.created", "user/1", 1)
	f.deliver()
	p := r.all()[0]
	if err := errors.Join(verify(p, first), verify(p, second.Reveal())); err != nil {
		t.Error(err)
	}
	f.exec("UPDATE webhook_endpoints SET old_secret_expires_at = now()")
	f.happen("user.updated", "user/1", 2)
	f.deliver()
	p = r.all()[1]
	if verify(p, first) == nil || verify(p, second.Reveal()) != nil {
		t.Error("the old secret still signs")
	}
	if got := f.query("SELECT string_agg(encode(secret, 'escape') || encode(old_secret, 'escape'), '') FROM webhook_endpoints"); strings.Contains(got, "whsec_") {
		t.Error("secrets are stored in plain text")
	}
}

func TestReplayWebhookMessages_byTimeIDAndEndpoint(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	endpointID, _ := f.endpoint(r.URL)
	f.happen("user.created", "user/1", 1)
	f.happen("team.created", "team/1", 1)
	f.deliver()
	for _, p := range r.all() {
		if p.eventType() == "user.created" {
			f.exec("UPDATE webhook_deliveries SET status = 'failed', attempts = 8 WHERE message_id = $1", p.id())
		}
	}
	late := newReceiver(t)
	lateID, _ := f.endpoint(late.URL, "team.created")
	hour := time.Hour
	replay := func(endpointID string, since time.Time, only app.ReplayOnly) (n int64) {
		t.Helper()
		n, err := f.ReplayWebhookMessages(admin(tenant), endpointID, since, nil, only)
		if err != nil {
			t.Fatal(err)
		}
		for f.deliver() > 0 {
		}
		return n
	}
	if n := replay(endpointID, time.Now().Add(-hour), app.ReplayFailed); n != 1 || len(r.all()) != 3 || r.all()[2].eventType() != "user.created" {
		t.Errorf("%d failed ones were sent again", n)
	}
	if n := replay(endpointID, time.Now().Add(-hour), app.ReplayFailed); n != 0 {
		t.Errorf("%d failed ones were sent again after they had succeeded", n)
	}
	if n := replay(endpointID, time.Now().Add(-hour), app.ReplayMissing); n != 0 {
		t.Errorf("%d are missing", n)
	}
	if n := replay(lateID, time.Now().Add(-hour), app.ReplayMissing); n != 1 || len(late.all()) != 1 {
		t.Errorf("%d were missing", n)
	}
	if n := replay(endpointID, time.Now().Add(-hour), app.ReplayAll); n != 2 || len(r.all()) != 5 {
		t.Errorf("%d of all were sent again", n)
	}
	if n := replay(endpointID, time.Now(), app.ReplayAll); n != 0 {
		t.Errorf("%d are from the future", n)
	}
	messageID := r.all()[0].id()
	if err := f.ResendWebhookMessage(admin(tenant), messageID, endpointID); err != nil || f.deliver() != 1 {
		t.Errorf("resent: %v", err)
	}
	if posts := r.all(); posts[len(posts)-1].id() != messageID {
		t.Error("another message was sent again")
	}
	_, err := f.ReplayWebhookMessages(admin(tenant), endpointID, time.Now(), new(time.Unix(1, 0)), app.ReplayAll)
	if !apierr.HasCode(err, apierr.CodeSchemaError) {
		t.Errorf("a time that ends before it begins: %v", err)
	}
}

func TestSendTestWebhook_outcomes(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	endpointID, _ := f.endpoint(r.URL, "team.created")
	f.workWebhooks(4)
	test := func(endpointID string) string {
		t.Helper()
		for timeout := time.Now().Add(2 * time.Minute); ; {
			problem, err := f.SendTestWebhook(admin(tenant), endpointID)
			if err != nil {
				t.Fatal(err)
			}
			// Who asked is not kept waiting for a busy machine.
			if !strings.Contains(problem, "not answered yet") || time.Now().After(timeout) {
				return problem
			}
		}
	}
	if problem := test(endpointID); problem != "" {
		t.Error(problem)
	}
	posts := r.all()
	var envelope struct {
		Type string
		Data struct{ Message, EndpointURL string }
	}
	if err := json.Unmarshal(posts[0].body, &envelope); err != nil || envelope.Type != "stack.test" || envelope.Data.EndpointURL != r.URL || envelope.Data.Message == "" {
		t.Errorf("body %s", posts[0].body)
	}
	r.answers(func(post) int { return http.StatusTeapot })
	if problem := test(endpointID); !strings.Contains(problem, "418") {
		t.Errorf("refused: %q", problem)
	}
	if problem := test("ep_unknown"); problem == "" {
		t.Error("an unknown endpoint took it")
	}
	if _, err := f.UpdateWebhookEndpoint(admin(tenant), endpointID, app.WebhookEndpointPatch{Disabled: patch.Value(true)}); err != nil {
		t.Fatal(err)
	}
	if problem := test(endpointID); !strings.Contains(problem, "disabled") {
		t.Errorf("disabled: %q", problem)
	}
}

func TestWebhookEndpoints_ofAnotherProject_doNotExist(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	endpointID, _ := f.endpoint(r.URL)
	f.happen("user.created", "user/1", 1)
	f.deliver()
	messageID := r.all()[0].id()
	other := admin(ids.Tenant{ProjectID: "q", BranchID: "main"})
	for name, do := range map[string]func(ctx context.Context, endpointID, messageID string) error{
		"get":    func(ctx context.Context, id, _ string) error { _, err := f.GetWebhookEndpoint(ctx, id); return err },
		"secret": func(ctx context.Context, id, _ string) error { _, err := f.GetWebhookSecret(ctx, id); return err },
		"rotate": func(ctx context.Context, id, _ string) error {
			_, err := f.RotateWebhookSecret(ctx, id, nil)
			return err
		},
		"update": func(ctx context.Context, id, _ string) error {
			_, err := f.UpdateWebhookEndpoint(ctx, id, app.WebhookEndpointPatch{Disabled: patch.Value(true)})
			return err
		},
		"delete": func(ctx context.Context, id, _ string) error { return f.DeleteWebhookEndpoint(ctx, id) },
		"replay": func(ctx context.Context, id, _ string) error {
			_, err := f.ReplayWebhookMessages(ctx, id, time.Unix(0, 0), nil, app.ReplayAll)
			return err
		},
		"attempts": func(ctx context.Context, id, _ string) error {
			_, _, err := f.ListWebhookAttempts(ctx, app.WebhookAttemptFilter{EndpointID: id}, app.Page{})
			return err
		},
		"message": func(ctx context.Context, _, id string) error { _, err := f.GetWebhookMessage(ctx, id); return err },
		"message attempts": func(ctx context.Context, _, id string) error {
			_, _, err := f.ListWebhookAttempts(ctx, app.WebhookAttemptFilter{MessageID: id}, app.Page{})
			return err
		},
		"resend": func(ctx context.Context, endpoint, message string) error {
			return f.ResendWebhookMessage(ctx, message, endpoint)
		},
	} {
		theirs, nobodys := do(other, endpointID, messageID), do(other, "ep_none", "msg_none")
		var known *apierr.Error
		if !errors.As(theirs, &known) || known.HTTP != http.StatusNotFound || theirs.Error() != nobodys.Error() {
			t.Errorf("%s: %v, and of nobody %v", name, theirs, nobodys)
		}
	}
	if endpoints, err := f.ListWebhookEndpoints(other); err != nil || len(endpoints) != 0 {
		t.Errorf("lists %+v, %v", endpoints, err)
	}
	if messages, _, err := f.ListWebhookMessages(other, "", app.Page{}); err != nil || len(messages) != 0 {
		t.Errorf("lists %+v, %v", messages, err)
	}
	if endpoint, err := f.GetWebhookEndpoint(admin(tenant), endpointID); err != nil || endpoint.Disabled {
		t.Errorf("the endpoint became %+v, %v", endpoint, err)
	}
}

func TestCreateWebhookEndpoint_refusals(t *testing.T) {
	f := newFixture(t)
	create := func(url, secret string, types ...string) error {
		var chosen *string
		if secret != "" {
			chosen = &secret
		}
		_, _, err := f.CreateWebhookEndpoint(admin(tenant), app.WebhookEndpointPatch{URL: patch.Value(url), FilterTypes: patch.Value(types)}, chosen)
		return err
	}
	for name, err := range map[string]error{
		"scheme":   create("ftp://example.com", ""),
		"address":  create("https://10.0.0.1/", ""),
		"userinfo": create("https://a:b@example.com/", ""),
		"type":     create("https://example.com", "", "user.exploded"),
		"secret":   create("https://example.com", "whsec_short"),
	} {
		if !apierr.HasCode(err, apierr.CodeSchemaError) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := create("https://example.com/hook?x=1", webhook.NewSecret(), "user.created"); err != nil {
		t.Error(err)
	}
	// Endpoints are counted, also when many are added at once.
	var all sync.WaitGroup
	for range webhook.MaxEndpoints + 20 {
		all.Go(func() { _ = create("https://example.com", "") })
	}
	all.Wait()
	if got := f.query("SELECT count(*)::text FROM webhook_endpoints"); got != strconv.Itoa(webhook.MaxEndpoints) {
		t.Errorf("%s endpoints", got)
	}
}

// Nothing of a deleted project comes back with an event that arrives late, and
// what was under way is swept away.
func TestSendWebhooks_deletedProject_isIgnored(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	f.endpoint(r.URL)
	f.happen("user.created", "user/1", 1)
	if err := f.PurgeProject(t.Context(), tenant.ProjectID); err != nil {
		t.Fatal(err)
	}
	left := `SELECT ((SELECT count(*) FROM webhook_endpoints) + (SELECT count(*) FROM webhook_messages) + (SELECT count(*) FROM webhook_deliveries)
		+ (SELECT count(*) FROM webhook_lanes) + (SELECT count(*) FROM webhook_attempts) + (SELECT count(*) FROM emails))::text`
	if got := f.query(left); got != "0" {
		t.Errorf("%s rows are left", got)
	}
	f.happen("user.updated", "user/1", 2)
	_, _, err := f.CreateWebhookEndpoint(admin(tenant), app.WebhookEndpointPatch{URL: patch.Value(r.URL)}, nil)
	if err == nil {
		t.Error("an endpoint was added")
	}
	if got := f.query(left); got != "0" {
		t.Errorf("%s rows came back", got)
	}
	f.enqueue(ask("ada@example.com"))
	if err := f.SweepDeletedProjects(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.query(left); got != "0" {
		t.Errorf("%s rows are left after the sweep", got)
	}
}

func TestTidyWebhooks_old_isForgotten(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	f.endpoint(r.URL)
	r.answers(func(post) int { return http.StatusInternalServerError })
	f.happen("user.created", "user/1", 1)
	f.deliver()
	f.happen("user.created", "user/2", 1)
	f.deliver()
	for _, table := range []string{"webhook_messages", "webhook_deliveries", "webhook_attempts"} {
		f.exec("UPDATE " + table + " SET created_at = now() - interval '31 days' WHERE ctid = (SELECT min(ctid) FROM " + table + ")")
	}
	f.exec("UPDATE webhook_lanes SET touched_at = now() - interval '32 days' WHERE resource = 'user/1'")
	if err := f.TidyWebhooks(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"webhook_messages", "webhook_deliveries", "webhook_attempts", "webhook_lanes"} {
		if got := f.query("SELECT count(*)::text FROM " + table); got != "1" {
			t.Errorf("%s rows of %s", got, table)
		}
	}
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

// Ten thousand events about two hundred things, three replicas of which one has
// a single connection, a receiver that fails, resets and is down for a while:
// everything arrives, in order, and nothing that it took comes again.
func TestWebhooks_manyEventsAndABadReceiver_arriveInOrder(t *testing.T) {
	const resources, versions = 200, 50
	f := newFixture(t)
	r := newReceiver(t)
	f.endpoint(r.URL)
	taken := map[string]int{} // by id, like the others; only touched under the receiver's lock
	refused := map[string]int{}
	last := map[string]int64{}
	count := 0
	r.answers(func(p post) int {
		count++
		n := rand.IntN(50)
		// Who is refused eight times is given up.
		if down := count > 2000 && count < 2300; (n < 2 || down) && refused[p.id()] < 6 && taken[p.id()] == 0 {
			refused[p.id()]++
			if n == 0 {
				return 0
			}
			return http.StatusServiceUnavailable
		}
		var envelope struct {
			Data struct {
				Resource string
				Version  int64
			}
		}
		if err := json.Unmarshal(p.body, &envelope); err != nil {
			t.Error(err)
		}
		if taken[p.id()]++; taken[p.id()] > 1 {
			return http.StatusOK
		}
		if envelope.Data.Version != last[envelope.Data.Resource]+1 {
			t.Errorf("%s: version %d came after %d", envelope.Data.Resource, envelope.Data.Version, last[envelope.Data.Resource])
		}
		last[envelope.Data.Resource] = envelope.Data.Version
		return http.StatusOK
	})
	f.workWebhooks(1, 4, 4)
	// Time passes faster than in life.
	ctx, stop := context.WithCancel(t.Context())
	var clock sync.WaitGroup
	clock.Go(func() {
		for ctx.Err() == nil {
			f.retry()
			f.exec("SELECT pg_notify('webhooks', '')")
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	var producers sync.WaitGroup
	for producer := range 4 {
		producers.Go(func() {
			for version := range int64(versions) {
				for resource := producer; resource < resources; resource += 4 {
					f.happen("user.updated", "user/"+strconv.Itoa(resource), version+1)
				}
			}
		})
	}
	producers.Wait()
	r.await(func([]post) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(taken) == resources*versions
	})
	stop()
	clock.Wait()
	again := 0
	r.mu.Lock()
	for _, times := range taken {
		again += times - 1
	}
	r.mu.Unlock()
	t.Logf("%d posts for %d events, %d arrived again", len(r.all()), resources*versions, again)
	if again > 0 {
		t.Errorf("%d were delivered again after they had been taken", again)
	}
}
