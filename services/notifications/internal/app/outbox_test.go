package app_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
)

// The database derives the status by the same rules as the domain.
func TestOutboxEmails_status_asInDomain(t *testing.T) {
	f := newFixture(t)
	random := rand.New(rand.NewPCG(1, 2))
	maybe := func(value string) string {
		if random.IntN(4) > 0 {
			return "NULL"
		}
		return value
	}
	for range 400 {
		id := f.enqueue(ask("ada@example.com"))
		rendering, rendered, renderFailed := random.IntN(5) > 0, random.IntN(5) > 0, random.IntN(5) == 0
		sending, sent, tracked := random.IntN(3) > 0, random.IntN(3) > 0, random.IntN(2) == 0
		var set []string
		add := func(format string, args ...any) { set = append(set, fmt.Sprintf(format, args...)) }
		add("is_paused = %v, is_queued = %v", random.IntN(8) == 0, random.IntN(2) == 0)
		if random.IntN(6) == 0 {
			add("skipped_reason = 'MANUALLY_CANCELLED', skipped_details = '{}'")
		}
		if rendering {
			add("render_worker_id = gen_random_uuid(), started_rendering_at = now()")
			if rendered {
				add("finished_rendering_at = now()")
				if renderFailed {
					add("render_error = '{}'")
				} else {
					add("rendered = '\\x00', is_transactional = true")
				}
			}
		}
		if sending {
			add("send_worker_id = gen_random_uuid(), started_sending_at = now()")
			if sent {
				add("finished_sending_at = now(), can_have_delivery_info = %v, server_error = %s", tracked, maybe("'{}'"))
			}
		}
		switch random.IntN(4) {
		case 0:
			add("delivered_at = now()")
		case 1:
			add("bounced_at = now()")
		case 2:
			add("delivery_delayed_at = now()")
		}
		add("marked_as_spam_at = %s", maybe("now()"))
		if random.IntN(4) == 0 {
			add("opened_at = now(), clicked_at = %s", maybe("now()"))
		}
		f.exec("UPDATE emails SET "+strings.Join(set, ", ")+" WHERE id = $1", id)
	}
	seen := map[domain.Status]bool{}
	for _, status := range domain.Statuses {
		for next := ""; ; {
			page, following, err := f.ListOutboxEmails(as(t, principal.AccessServer, ""), []domain.Status{status}, nil, next)
			if err != nil {
				t.Fatal(err)
			}
			for _, email := range page {
				seen[status] = true
				if got, simple := email.Progress.Status(); got != status || simple != status.Simple() {
					t.Fatalf("the database says %s, the domain %s (%s): %+v", status, got, simple, email.Progress)
				}
			}
			if next = following; next == "" {
				break
			}
		}
	}
	if len(seen) != len(domain.Statuses) {
		t.Errorf("only %v were seen", seen)
	}
}

func TestListOutboxEmails_pages(t *testing.T) {
	f := newFixture(t)
	server := as(t, principal.AccessServer, "")
	var want []string
	for i := range 7 {
		id := f.enqueue(ask(fmt.Sprintf("u%d@example.com", i)))
		f.exec("UPDATE emails SET created_at = '2026-01-01'::timestamptz + make_interval(secs => $2) WHERE id = $1", id, i/2)
		want = append(want, id)
	}
	// Newest first; of the same moment, the lower id first.
	slices.Reverse(want)
	for i := 1; i+1 < len(want); i += 2 {
		slices.Sort(want[i : i+2])
	}
	want = append(want[:0:0], want...)
	var got []string
	for next := ""; ; {
		page, following, err := f.ListOutboxEmails(server, nil, new("3"), next)
		if err != nil || len(page) > 3 {
			t.Fatalf("%d, %v", len(page), err)
		}
		for _, email := range page {
			got = append(got, email.ID)
		}
		if next = following; next == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	if page, next, err := f.ListOutboxEmails(server, nil, nil, ids.NewUUID()); len(page) != 0 || next != "" || err != nil {
		t.Errorf("an unknown cursor leads to %d mails, %q, %v", len(page), next, err)
	}
	if page, _, err := f.ListOutboxEmails(server, []domain.Status{}, nil, ""); len(page) != 0 || err != nil {
		t.Errorf("no status leads to %d mails, %v", len(page), err)
	}
	for _, limit := range []string{"0", "101", "x", "", "NaN", "-1", "1e9", "0.5"} {
		if _, _, err := f.ListOutboxEmails(server, nil, &limit, ""); answer(err) != "Bad Request" {
			t.Errorf("limit %q: %v", limit, err)
		}
	}
	foreign := principal.NewContext(t.Context(), principal.Principal{ProjectID: "q", BranchID: "main", Access: principal.AccessServer})
	if page, _, err := f.ListOutboxEmails(foreign, nil, nil, want[0]); len(page) != 0 || err != nil {
		t.Errorf("another project sees %d mails, %v", len(page), err)
	}
	if _, err := f.GetOutboxEmail(foreign, want[0]); answer(err) != "Not Found" {
		t.Errorf("another project is answered by %v", err)
	}
	if _, err := f.UpdateOutboxEmail(foreign, want[0], app.EmailChange{Cancel: true}); answer(err) != "Not Found" {
		t.Errorf("another project's change is answered by %v", err)
	}
	if summary, err := f.ListEmails(server); err != nil || len(summary) != 7 || summary[0].ID != want[0] {
		t.Errorf("the summary has %d, %v", len(summary), err)
	}
}

// Mails as large as they come must not fill the memory.
func TestListOutboxEmails_large_shortPages(t *testing.T) {
	f := newFixture(t)
	for range 12 {
		f.enqueue(ask("ada@example.com"))
	}
	f.exec("UPDATE emails SET source = repeat('x', 1 << 20)")
	page, next, err := f.ListOutboxEmails(as(t, principal.AccessServer, ""), nil, nil, "")
	if err != nil || len(page) != 3 || next == "" {
		t.Errorf("%d mails, next %q, %v", len(page), next, err)
	}
	if summary, err := f.ListEmails(as(t, principal.AccessServer, "")); err != nil || len(summary) != 12 {
		t.Errorf("the summary has %d, %v", len(summary), err)
	}
}

func TestUpdateOutboxEmail_wayOfAMail(t *testing.T) {
	f := newFixture(t)
	server := as(t, principal.AccessServer, "")
	id := f.enqueue(ask("ada@example.com"))
	update := func(change app.EmailChange, want domain.Status) *app.OutboxEmail {
		t.Helper()
		email, err := f.UpdateOutboxEmail(server, id, change)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := email.Progress.Status(); got != want {
			t.Fatalf("after %+v the mail is %s, want %s", change, got, want)
		}
		return email
	}
	update(app.EmailChange{Paused: new(true)}, domain.StatusPaused)
	if f.step(f.App) != 0 {
		t.Error("a paused mail was sent")
	}
	update(app.EmailChange{Paused: new(false)}, domain.StatusPreparing)
	later := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	if got := update(app.EmailChange{ScheduledAt: &later}, domain.StatusPreparing); !got.ScheduledAt.Equal(later) {
		t.Errorf("scheduled at %v", got.ScheduledAt)
	}
	f.step(f.App)
	if got := f.row(id).status; got != domain.StatusScheduled {
		t.Errorf("the mail is %s", got)
	}
	update(app.EmailChange{}, domain.StatusScheduled)

	to := domain.Recipient{Type: domain.CustomEmails, Emails: []string{"bob@example.com"}}
	source := "---\nformat: hx-template/1\nsubject: S {{ variables.n }}\nvariables:\n  n: number\n---\n{{ variables.n }}"
	theme := ""
	changed := update(app.EmailChange{Source: &source, Recipient: &to, Variables: map[string]any{"n": 3.0}, ThemeID: &theme, SkipDeliverabilityCheck: new(true)}, domain.StatusPreparing)
	if changed.Source != source || changed.Recipient.Emails[0] != "bob@example.com" || changed.Variables["n"] != 3.0 || changed.ThemeID != "" || !changed.SkipDeliverabilityCheck {
		t.Errorf("the mail is %+v", changed)
	}
	now := time.Now()
	update(app.EmailChange{ScheduledAt: &now}, domain.StatusPreparing)
	f.step(f.App)
	if got := f.smtp.Received(); len(got) != 1 || got[0].To[0] != "bob@example.com" || f.outbox(id).Subject != "S 3" {
		t.Fatalf("received %+v", got)
	}
	for _, change := range []app.EmailChange{{Cancel: true}, {}, {Paused: new(true)}, {Source: &source}} {
		if _, err := f.UpdateOutboxEmail(server, id, change); answer(err) != "EMAIL_NOT_EDITABLE" || !strings.Contains(fmt.Sprint(details(err)), "SENT") {
			t.Errorf("%+v of a sent mail: %v", change, err)
		}
	}
	if _, err := f.UpdateOutboxEmail(server, ids.NewUUID(), app.EmailChange{}); answer(err) != "Not Found" {
		t.Errorf("an unknown mail is answered by %v", err)
	}
}

func TestUpdateOutboxEmail_recipient_leavesNothingOfTheFormer(t *testing.T) {
	f := newFixture(t)
	server := as(t, principal.AccessServer, "")
	id, user := f.enqueue(ask("ada@example.com")), ids.NewUUID()
	for _, to := range []domain.Recipient{
		{Type: domain.UserPrimaryEmail, UserID: user},
		{Type: domain.UserCustomEmails, UserID: user, Emails: []string{"bob@example.com"}},
		{Type: domain.UserCustomEmails, UserID: user},
		{Type: domain.CustomEmails, Emails: []string{"bob@example.com"}},
		{Type: domain.CustomEmails},
	} {
		email, err := f.UpdateOutboxEmail(server, id, app.EmailChange{Recipient: &to})
		if err != nil {
			t.Fatalf("to %+v: %v", to, err)
		}
		if got := email.Recipient; got.Type != to.Type || got.UserID != to.UserID || !slices.Equal(got.Emails, to.Emails) {
			t.Errorf("the recipient is %+v, want %+v", got, to)
		}
	}
}

func TestUpdateOutboxEmail_cancelAndMend(t *testing.T) {
	f := newFixture(t)
	server := as(t, principal.AccessServer, "")
	cancelled := f.enqueue(ask("ada@example.com"))
	email, err := f.UpdateOutboxEmail(server, cancelled, app.EmailChange{Cancel: true, Paused: new(true), Source: new("ignored")})
	if err != nil || email.Progress.Skipped != domain.SkipManuallyCancelled || email.Progress.Paused || email.Source == "ignored" || email.SkippedDetails == nil {
		t.Errorf("%+v, %v", email, err)
	}
	if _, err := f.UpdateOutboxEmail(server, cancelled, app.EmailChange{Cancel: true}); answer(err) != "EMAIL_NOT_EDITABLE" || !strings.Contains(fmt.Sprint(details(err)), "SKIPPED") {
		t.Errorf("cancelled again: %v", err)
	}
	if f.step(f.App) != 0 {
		t.Error("a cancelled mail was sent")
	}

	broken := f.enqueue(ask("ada@example.com"))
	f.exec("UPDATE emails SET source = 'export default 1' WHERE id = $1", broken)
	f.step(f.App)
	if got := f.row(broken).status; got != domain.StatusRenderError {
		t.Fatalf("the mail is %s", got)
	}
	good := "---\nformat: hx-template/1\nsubject: Mended\n---\nx"
	if _, err := f.UpdateOutboxEmail(server, broken, app.EmailChange{Source: &good}); err != nil {
		t.Fatal(err)
	}
	f.step(f.App)
	if got := f.row(broken).status; got != domain.StatusSent {
		t.Errorf("the mended mail is %s", got)
	}
}

// Whoever changes a mail and whoever sends it at the same time never both win.
// With the status looked up before instead of in the statement, some mails are
// sent after they were cancelled.
func TestUpdateOutboxEmail_whileSending_oneWins(t *testing.T) {
	f := newFixture(t)
	server := as(t, principal.AccessServer, "")
	const mails = 60
	var list []string
	for i := range mails {
		list = append(list, f.enqueue(ask(fmt.Sprintf("u%d@example.com", i))))
	}
	var cancelled atomic.Int32
	var all sync.WaitGroup
	all.Go(func() {
		for range 5 {
			f.step(f.App)
		}
	})
	for _, id := range list {
		all.Go(func() {
			_, err := f.UpdateOutboxEmail(server, id, app.EmailChange{Cancel: true})
			switch answer(err) {
			case "":
				cancelled.Add(1)
			case "EMAIL_NOT_EDITABLE":
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	f.due()
	f.step(f.App)
	if sent := len(f.smtp.Received()); sent+int(cancelled.Load()) != mails {
		t.Errorf("%d sent and %d cancelled of %d", sent, cancelled.Load(), mails)
	}
}

func TestBoostEmailCapacity_onceAtATime(t *testing.T) {
	f := newFixture(t)
	f.cfg.CapacityPerHour = 200
	f.App = f.replica(f.db)
	server := as(t, principal.AccessServer, "")
	info, err := f.GetEmailDeliveryInfo(server)
	if err != nil || info.Boost.Active || info.Boost.ExpiresAt != nil || fmt.Sprintf("%.4f", info.RatePerSecond) != "0.0556" {
		t.Errorf("at first %+v, %v", info, err)
	}
	var begun atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			switch _, err := f.BoostEmailCapacity(server); answer(err) {
			case "":
				begun.Add(1)
			case "EMAIL_CAPACITY_BOOST_ALREADY_ACTIVE":
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if begun.Load() != 1 {
		t.Errorf("%d boosts began", begun.Load())
	}
	if info, err = f.GetEmailDeliveryInfo(server); err != nil || !info.Boost.Active || fmt.Sprintf("%.4f", info.RatePerSecond) != "0.2222" {
		t.Errorf("boosted %+v, %v", info, err)
	}
	f.exec("UPDATE email_capacity_boosts SET expires_at = now() - interval '1 second'")
	if info, err = f.GetEmailDeliveryInfo(server); err != nil || info.Boost.Active || info.Boost.ExpiresAt == nil {
		t.Errorf("afterwards %+v, %v", info, err)
	}
	if _, err := f.BoostEmailCapacity(server); err != nil {
		t.Error(err)
	}
	foreign := principal.NewContext(t.Context(), principal.Principal{ProjectID: "q", BranchID: "main", Access: principal.AccessServer})
	if info, err = f.GetEmailDeliveryInfo(foreign); err != nil || info.Boost.Active {
		t.Errorf("another project has %+v, %v", info, err)
	}
}

// A boosted tenant really sends faster.
func TestClaimEmails_boosted_fourTimesAsMany(t *testing.T) {
	f := newFixture(t)
	// One in a thousand seconds, no burst: no machine is so slow that it would
	// count.
	f.cfg = app.Config{CapacityPerHour: 3.6}
	slow := f.replica(f.db)
	for range 100 {
		f.enqueue(ask("ada@example.com"))
	}
	f.claim(slow)
	if _, err := slow.BoostEmailCapacity(as(t, principal.AccessServer, "")); err != nil {
		t.Fatal(err)
	}
	f.exec("UPDATE email_queue_steps SET last_executed_at = now() - interval '7000 seconds'")
	if got := len(f.claim(slow)); got != 28 {
		t.Errorf("7000 seconds later %d were claimed, want 28", got)
	}
}
