package app_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"vestibule.dev/pkg/patch"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

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
