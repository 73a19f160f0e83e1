package app_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
)

// crowd adds n users, whose ids are in ascending order.
func (f *fixture) crowd(n int) []string {
	f.t.Helper()
	crowd := make([]string, n)
	for i := range crowd {
		crowd[i] = ids.NewUUID()
	}
	slices.Sort(crowd)
	f.users.set(func(u *users) {
		for _, id := range crowd {
			u.known[id] = domain.Contact{PrimaryEmail: id + "@example.com"}
		}
		u.order = crowd
	})
	return crowd
}

// expand makes mails of all mailings. What is made counts as rendered.
func (f *fixture) expand(a *app.App, step func(ctx context.Context) context.Context) {
	for f.query("SELECT count(*)::text FROM mailings") != "0" {
		_, err := a.ExpandMailings(step(f.t.Context()))
		if err != nil && f.t.Context().Err() != nil {
			f.t.Error(err)
			return
		}
		// Whoever does the same meanwhile sees to the others.
		f.exec("UPDATE emails SET is_paused = true WHERE ctid = ANY(ARRAY(SELECT ctid FROM emails WHERE NOT is_paused FOR UPDATE SKIP LOCKED))")
	}
}

// More users than an answer names. The request only writes down what it asks for;
// two replicas, of which one is killed again and again, make the mails: one for
// each user. Without the progress in the transaction of the mails some users get
// two.
func TestQueueEmails_aHundredThousandUsers_oneMailEach(t *testing.T) {
	f := newFixture(t)
	f.ownServer()
	crowd := f.crowd(100_500)
	began := time.Now()
	results, err := f.QueueEmails(as(t, principal.AccessServer, ""), app.OutgoingEmail{HTML: new("<p>News</p>"), Subject: "News", AllUsers: true})
	if err != nil || !slices.Equal(results, crowd[:100_000]) {
		t.Fatalf("%d results, %v", len(results), err)
	}
	t.Logf("accepted after %v", time.Since(began).Round(time.Millisecond))
	if n := f.query("SELECT count(*)::text FROM emails"); n != "0" {
		t.Errorf("the request made %s mails", n)
	}
	// Most of them need not be written to, to see how it ends.
	f.exec("UPDATE mailings SET user_ids = user_ids[90001:]")
	second := f.replica(pgtest.Open(t, f.url, 1))
	var both sync.WaitGroup
	both.Go(func() { f.expand(f.App, func(ctx context.Context) context.Context { return ctx }) })
	both.Go(func() {
		f.expand(second, func(ctx context.Context) context.Context {
			ctx, kill := context.WithCancel(ctx)
			time.AfterFunc(rand.N(60*time.Millisecond), kill)
			return ctx
		})
	})
	both.Wait()
	t.Logf("10,500 mails were made after %v", time.Since(began).Round(time.Millisecond))
	if n := f.query("SELECT count(*) || ' for ' || count(DISTINCT user_id) FROM emails"); n != "10500 for 10500" {
		t.Errorf("%s users", n)
	}
}

// A mailing waits while many mails of its tenant are not rendered, and mails of
// others and urgent ones are not behind it.
func TestExpandMailings_manyUnrendered_leavesRoomForOthers(t *testing.T) {
	f := newFixture(t)
	f.ownServer()
	f.crowd(5000)
	server := as(t, principal.AccessServer, "")
	if _, err := f.QueueEmails(server, app.OutgoingEmail{HTML: new("<p>News</p>"), AllUsers: true}); err != nil {
		t.Fatal(err)
	}
	made := 0
	for {
		n, err := f.ExpandMailings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		made += n
	}
	if made != 2000 {
		t.Errorf("%d mails were made before any was rendered", made)
	}
	code := f.enqueue(ask("ada@example.com"))
	if _, err := f.RenderEmails(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.row(code); got.status != domain.StatusScheduled {
		t.Errorf("the urgent mail is %s", got.status)
	}
	// Another project is not held up.
	elsewhere := principal.NewContext(t.Context(), principal.Principal{ProjectID: "q", BranchID: "main", Access: principal.AccessServer})
	if _, err := f.QueueEmails(elsewhere, app.OutgoingEmail{HTML: new("<p>News</p>"), AllUsers: true}); err != nil {
		t.Fatal(err)
	}
	for n := 1; n > 0; {
		var err error
		if n, err = f.ExpandMailings(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.query("SELECT count(*)::text FROM emails WHERE project_id = 'q'"); n != "2000" {
		t.Errorf("%s mails of another project were made", n)
	}
	if err := f.PurgeProject(t.Context(), "q"); err != nil {
		t.Fatal(err)
	}
	if n := f.query("SELECT count(*)::text FROM mailings WHERE project_id = 'q'"); n != "0" {
		t.Errorf("a deleted project has %s mailings", n)
	}
	// A list of users is no different from all of them.
	if _, err := f.QueueEmails(server, app.OutgoingEmail{HTML: new("x"), UserIDs: f.crowd(1001)}); err != nil {
		t.Fatal(err)
	}
	if n := f.query("SELECT sum(cardinality(user_ids))::text FROM mailings"); n != "6001" {
		t.Errorf("mailings are for %s users", n)
	}
	if waiting, _, err := f.Store.(interface {
		MailingQueueStatus(ctx context.Context) (int64, time.Duration, error)
	}).MailingQueueStatus(t.Context()); err != nil || waiting != 3001 {
		t.Errorf("%d users wait, %v", waiting, err)
	}
}
