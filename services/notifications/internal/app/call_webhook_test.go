package app_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vestibule.dev/pkg/patch"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

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
