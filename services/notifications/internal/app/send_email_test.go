package app_test

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/smtptest"
)

// parts reads the headers, the text and the HTML of a mail.
func parts(t *testing.T, message smtptest.Message) (header mail.Header, text, html string) {
	t.Helper()
	parsed, err := mail.ReadMessage(strings.NewReader(message.Raw))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	reader := multipart.NewReader(parsed.Body, params["boundary"])
	for {
		part, err := reader.NextRawPart()
		if err != nil {
			return parsed.Header, text, html
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			text = strings.ReplaceAll(string(body), "\r\n", "\n")
		} else {
			html = strings.ReplaceAll(string(body), "\r\n", "\n")
		}
	}
}

func decoded(t *testing.T, header string) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSendEmail_verification_arrives(t *testing.T) {
	f := newFixture(t)
	name := "Ada"
	userID := ids.NewUUID()
	f.users.known[userID] = domain.Contact{DisplayName: &name}
	email := ask("ada@example.com")
	email.UserID = userID
	id := f.enqueue(email)
	f.step(f.App)
	received := f.smtp.Received()
	if len(received) != 1 {
		t.Fatalf("received %d mails, want 1", len(received))
	}
	header, text, html := parts(t, received[0])
	for name, want := range map[string]string{
		"Subject": "Verify your email at Analytical Engines",
		"From":    `"Analytical Engines" <no-reply@vestibule.example>`,
		"To":      "<ada@example.com>",
	} {
		if got := decoded(t, header.Get(name)); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if strings.Count(text, link) != 1 || !strings.Contains(text, "Hi Ada,") {
		t.Errorf("the text is %q, want the link once and the name", text)
	}
	if !strings.Contains(html, `href="`+strings.ReplaceAll(link, "&", "&amp;")+`"`) || strings.Contains(strings.ToLower(received[0].Raw), "unsubscribe") {
		t.Errorf("the HTML is %q", html)
	}
	if received[0].ID() != id {
		t.Errorf("Message-ID names %q, want the mail %s", received[0].ID(), id)
	}
	if got := f.row(id); got.status != domain.StatusSent || got.retries != 0 || got.attempts != nil {
		t.Errorf("the mail is %+v", got)
	}
	if got := f.published(); len(got) != 1 || got[0] != "notifications.v1.email.sent.p" {
		t.Errorf("published %v", got)
	}
}

func TestSendEmail_magicLink_showsCodeInUpperCaseParagraph(t *testing.T) {
	f := newFixture(t)
	email := ask("ada@example.com")
	email.Template, email.Variables = "magic_link", map[string]string{"magicLink": link, "otp": "ABC123"}
	f.enqueue(email)
	f.step(f.App)
	header, text, html := parts(t, f.smtp.Received()[0])
	if got := decoded(t, header.Get("Subject")); got != "Sign in to Analytical Engines: Your code is ABC123" {
		t.Errorf("the subject is %q", got)
	}
	if !strings.Contains(html, ">ABC123</p>") || strings.Count(text, link) != 1 || !strings.Contains(text, "\nABC123\n") {
		t.Errorf("the mail is %q", text)
	}
}

// What users call themselves ends in headers and HTML of mails to others.
func TestSendEmail_hostileNames_injectNothing(t *testing.T) {
	for i, name := range []string{
		"<script>alert(1)</script><img src=x onerror=alert(1)>",
		`" onmouseover="alert(1)`,
		"Ada\r\nBcc: victim@example.com\r\n\r\n<p>body</p>",
		"Ada\nBcc: victim@example.com",
		"Ada\u2028Bcc: victim@example.com\x00\x1b[2J",
		"\u202egnp.exe\u2066\u200f",
		"{{ variables.teamInvitationLink }}{{#if user.displayName}}",
		"=?utf-8?q?=0d=0aBcc:_victim@example.com?=",
		"\xff\xfe broken",
		strings.Repeat("ä", 1<<20),
		"a\" <victim@example.com>, \"b",
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			f := newFixture(t)
			userID := ids.NewUUID()
			f.users.known[userID] = domain.Contact{DisplayName: &name}
			f.configs.set(func(c *configs) { c.config.DisplayName = name })
			id := f.enqueue(app.BuiltInEmail{
				Tenant: tenant, ID: ids.NewUUID(), Template: "team_invitation", UserID: userID, Emails: []string{"bob@example.com"},
				Variables: map[string]string{"teamDisplayName": name, "teamInvitationLink": link},
			})
			f.step(f.App)
			if got := f.row(id); got.status != domain.StatusSent {
				t.Fatalf("the mail is %+v", got)
			}
			received := f.smtp.Received()
			if len(received) != 1 || len(received[0].To) != 1 || received[0].To[0] != "bob@example.com" || received[0].From != "no-reply@vestibule.example" {
				t.Fatalf("the envelope is %v, %s", received[0].To, received[0].From)
			}
			header, text, html := parts(t, received[0])
			for key := range header {
				switch key {
				case "Subject", "From", "To", "Date", "Message-Id", "Mime-Version", "Content-Type", "Auto-Submitted":
				default:
					t.Errorf("the mail has a header %s", key)
				}
			}
			if from, err := header.AddressList("From"); err != nil || len(from) != 1 || from[0].Address != "no-reply@vestibule.example" {
				t.Errorf("From is %v, %v", header.Get("From"), err)
			}
			if to, err := header.AddressList("To"); err != nil || len(to) != 1 || to[0].Address != "bob@example.com" {
				t.Errorf("To is %v, %v", header.Get("To"), err)
			}
			for _, markup := range []string{"<script", "<img src=x", `" onmouseover`, "<p>body"} {
				if strings.Contains(html, markup) {
					t.Errorf("the HTML contains %s", markup)
				}
			}
			subject := decoded(t, header.Get("Subject"))
			for _, r := range "\u202e\u2066\u200f\u2028\x00\x1b\r\n" {
				if strings.ContainsRune(subject, r) || r != '\n' && strings.ContainsRune(text+html, r) {
					t.Errorf("the mail contains %U", r)
				}
			}
			if len(received[0].Raw) > 40_000 {
				t.Errorf("the mail has %d bytes", len(received[0].Raw))
			}
		})
	}
}

func TestSendEmail_recipients_resolvedWhenSent(t *testing.T) {
	for name, tt := range map[string]struct {
		emails  []string
		contact *domain.Contact
		check   bool
		to      string
		skipped string
	}{
		"primary":                 {contact: &domain.Contact{PrimaryEmail: "new@example.com"}, to: "new@example.com"},
		"no primary":              {contact: &domain.Contact{}, skipped: "USER_HAS_NO_PRIMARY_EMAIL"},
		"user gone":               {skipped: "USER_ACCOUNT_DELETED"},
		"user gone, own address":  {emails: []string{"a@example.com"}, skipped: "USER_ACCOUNT_DELETED"},
		"own address":             {emails: []string{"a@example.com"}, contact: &domain.Contact{PrimaryEmail: "new@example.com"}, to: "a@example.com"},
		"undeliverable, checked":  {emails: []string{"a@emailable-not-deliverable.example.com"}, contact: &domain.Contact{}, check: true, skipped: "LIKELY_NOT_DELIVERABLE"},
		"undeliverable, no check": {emails: []string{"a@emailable-not-deliverable.example.com"}, contact: &domain.Contact{}, to: "a@emailable-not-deliverable.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			userID := ids.NewUUID()
			f.users.known[userID] = domain.Contact{PrimaryEmail: "old@example.com"}
			email := ask("")
			email.Emails, email.UserID, email.SkipDeliverabilityCheck = tt.emails, userID, !tt.check
			id := f.enqueue(email)
			mails := f.claim(f.App)
			f.users.set(func(u *users) {
				delete(u.known, userID)
				if tt.contact != nil {
					u.known[userID] = *tt.contact
				}
			})
			for _, mail := range mails {
				if err := f.SendEmail(t.Context(), mail); err != nil {
					t.Fatal(err)
				}
			}
			got := f.row(id)
			received := f.smtp.Received()
			if tt.skipped != "" {
				if got.status != domain.StatusSkipped || got.skipped != tt.skipped || !got.started || len(received) != 0 {
					t.Errorf("the mail is %+v, received %v", got, received)
				}
				return
			}
			if got.status != domain.StatusSent || len(received) != 1 || received[0].To[0] != tt.to {
				t.Errorf("the mail is %+v, received %v", got, received)
			}
		})
	}
}

// Opting out counts for categories that can be disabled, and for no others.
func TestSendEmail_preference_skipsMarketingOnly(t *testing.T) {
	f := newFixture(t)
	userID := ids.NewUUID()
	f.users.known[userID] = domain.Contact{PrimaryEmail: "ada@example.com"}
	for _, category := range domain.Categories {
		f.exec("INSERT INTO notification_preferences (project_id, branch_id, user_id, category_id, enabled) VALUES ('p', 'main', $1, $2, false)", userID, category.ID)
	}
	transactional, marketing := ask(""), ask("")
	for _, email := range []*app.BuiltInEmail{&transactional, &marketing} {
		email.Emails, email.UserID = nil, userID
		f.enqueue(*email)
	}
	f.exec("UPDATE emails SET source = replace(source, 'category: Transactional', 'category: Marketing') WHERE id = $1", marketing.ID)
	f.step(f.App)
	if got := f.row(transactional.ID).status; got != domain.StatusSent {
		t.Errorf("the transactional mail is %s", got)
	}
	if got := f.row(marketing.ID).skipped; got != "USER_UNSUBSCRIBED" {
		t.Errorf("the marketing mail was skipped for %q", got)
	}
	// A deleted user's choices go; the mails stay.
	if err := f.RemoveUser(t.Context(), tenant, userID); err != nil {
		t.Fatal(err)
	}
	if got := f.query("SELECT (SELECT count(*) FROM notification_preferences) || '/' || (SELECT count(*) FROM emails)"); got != "0/2" {
		t.Errorf("preferences/mails left: %s", got)
	}
}

func TestSendEmail_serverSaysLater_retriesUntilItIsTaken(t *testing.T) {
	f := newFixture(t)
	var refusals atomic.Int32
	f.smtp.OnData(func(smtptest.Message) error {
		if refusals.Add(1) <= 3 {
			return smtptest.Refuse(450, "mailbox busy")
		}
		return nil
	})
	id := f.enqueue(ask("ada@example.com"))
	for n := 1; n <= 3; n++ {
		f.step(f.App)
		got := f.row(id)
		want := 20 * float64(int(1)<<n) // the middle of U(0.5, 1.5)·20 s·2ⁿ
		if got.status != domain.StatusScheduled || got.retries != n || got.nextRetry == nil || *got.nextRetry > want || *got.nextRetry < want-15 {
			t.Fatalf("after attempt %d the mail is %+v", n, got)
		}
		if !strings.Contains(*got.attempts, "450 ") || !strings.Contains(*got.attempts, `"errorType"`) || strings.Count(*got.attempts, "attempt_number") != n {
			t.Errorf("the attempts are %s", *got.attempts)
		}
		if f.step(f.App) != 0 {
			t.Error("the mail was sent again before its time")
		}
		f.due()
	}
	f.step(f.App)
	if got := f.row(id); got.status != domain.StatusSent || got.retries != 3 || got.nextRetry != nil {
		t.Errorf("the mail is %+v", got)
	}
	if got := f.smtp.Received(); len(got) != 1 {
		t.Errorf("received %d mails, want 1", len(got))
	}
}

func TestSendEmail_serverNeverTakesIt_endsAfterFiveAttempts(t *testing.T) {
	f := newFixture(t)
	f.smtp.OnData(func(smtptest.Message) error { return smtptest.Refuse(451, "try later") })
	id := f.enqueue(ask("ada@example.com"))
	for range 5 {
		if f.step(f.App) != 1 {
			t.Fatal("the mail was not tried again")
		}
		f.due()
	}
	got := f.row(id)
	if got.status != domain.StatusServerError || got.retries != 5 || !strings.Contains(*got.server, "TRANSIENT_NEGATIVE_COMPLETION_REPLY") || f.step(f.App) != 0 {
		t.Errorf("the mail is %+v", got)
	}
	if got := f.published(); len(got) != 1 || got[0] != "notifications.v1.email.failed.p" {
		t.Errorf("published %v", got)
	}
}

// The server has the mail, but its confirmation was lost: nobody may send it
// again, and it must not look as if it had arrived.
func TestSendEmail_confirmationLost_isNotSentAgain(t *testing.T) {
	f := newFixture(t)
	f.smtp.OnData(func(smtptest.Message) error { return smtptest.ErrCut })
	id := f.enqueue(ask("ada@example.com"))
	f.step(f.App)
	got := f.row(id)
	if got.status != domain.StatusServerError || !strings.Contains(*got.server, "SOCKET_CLOSED") || got.retries != 1 || got.nextRetry != nil {
		t.Errorf("the mail is %+v", got)
	}
	f.due()
	if f.step(f.App) != 0 || len(f.smtp.Received()) != 1 {
		t.Error("the mail was sent again")
	}
}

func TestSendEmail_identityAway_waits(t *testing.T) {
	f := newFixture(t)
	id := f.enqueue(ask("ada@example.com"))
	if _, err := f.RenderEmails(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.configs.set(func(c *configs) { c.err = errAway })
	f.step(f.App)
	if got := f.row(id); got.status != domain.StatusQueued || got.retries != 0 {
		t.Fatalf("the mail is %+v, want it queued as before", got)
	}
	if f.step(f.App) != 0 {
		t.Error("the mail was claimed again at once")
	}
	f.configs.set(func(c *configs) { c.err = nil })
	f.due()
	f.step(f.App)
	if got := f.row(id); got.status != domain.StatusSent {
		t.Errorf("the mail is %+v", got)
	}
}

func TestSendEmail_ownServer_isUsedAsConfiguredNow(t *testing.T) {
	f := newFixture(t)
	own := smtptest.New(t)
	own.RequirePassword("right")
	host, port, _ := strings.Cut(own.Addr, ":")
	f.configs.set(func(c *configs) {
		server := &c.config.Emails.Server
		server.IsShared, server.Host, server.Username, server.Password = false, host, "ada", "wrong"
		server.SenderName, server.SenderEmail = "Ada's shop", "shop@example.com"
		fmt.Sscan(port, &server.Port)
	})
	refused := f.enqueue(ask("a@example.com"))
	f.step(f.App)
	if got := f.row(refused); got.status != domain.StatusServerError || got.retries != 1 || got.nextRetry != nil || !strings.Contains(*got.server, "AUTH_FAILED") {
		t.Errorf("with the wrong password the mail is %+v", got)
	}
	sent := f.enqueue(ask("b@example.com"))
	mails := f.claim(f.App)
	f.configs.set(func(c *configs) { c.config.Emails.Server.Password = "right" })
	for _, mail := range mails {
		if err := f.SendEmail(t.Context(), mail); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.row(sent); got.status != domain.StatusSent || len(f.smtp.Received()) != 0 {
		t.Fatalf("with the right password the mail is %+v", got)
	}
	header, _, _ := parts(t, own.Received()[0])
	if got := header.Get("From"); got != `"Ada's shop" <shop@example.com>` {
		t.Errorf("From is %s", got)
	}
}

// Several workers, a server that hesitates, and workers that die with mails in
// their hands: every mail arrives exactly once.
func TestSendEmail_twoWorkersAndFailures_everyMailOnce(t *testing.T) {
	f := newFixture(t)
	const mails = 60
	var seen sync.Map
	f.smtp.OnData(func(m smtptest.Message) error {
		if _, again := seen.LoadOrStore(m.ID(), true); !again && strings.HasPrefix(m.To[0], "slow") {
			return smtptest.Refuse(450, "later")
		}
		return nil
	})
	want := map[string]bool{}
	for i := range mails {
		kind := "quick"
		if i%3 == 0 {
			kind = "slow"
		}
		want[f.enqueue(ask(fmt.Sprintf("%s%d@example.com", kind, i)))] = true
	}
	second := f.replica(pgtest.Open(t, f.url, 4))
	dying := f.replica(f.db)
	if _, err := dying.Store.ClaimForRendering(t.Context(), 10); err != nil { // killed while rendering
		t.Fatal(err)
	}
	f.exec("UPDATE emails SET started_rendering_at = now() - interval '21 minutes' WHERE started_rendering_at IS NOT NULL")
	if err := f.TidyQueue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if claimed := f.claim(dying); len(claimed) == 0 { // killed before sending
		t.Fatal("nothing was claimed")
	}
	f.exec("UPDATE emails SET started_sending_at = now() - interval '2 minutes' WHERE started_sending_at IS NOT NULL")
	if err := second.TidyQueue(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		var both sync.WaitGroup
		both.Go(func() { f.step(f.App) })
		both.Go(func() { f.step(second) })
		both.Wait()
		f.due()
	}
	got := map[string]int{}
	for _, message := range f.smtp.Received() {
		got[message.ID()]++
	}
	for id := range want {
		if got[id] != 1 {
			t.Errorf("mail %s arrived %d times: %+v", id, got[id], f.row(id))
		}
	}
	if published := f.published(); len(published) != mails {
		t.Errorf("published %d events, want one for each mail", len(published))
	}
}

// A worker that was thought dead wakes up while another one sends its mail.
// Without both conditions of HandOver, the worker id and that nobody has handed the
// mail over, it arrives twice.
func TestSendEmail_claimTakenAway_sendsOnce(t *testing.T) {
	f := newFixture(t)
	for range 20 {
		f.enqueue(ask("ada@example.com"))
	}
	late := f.claim(f.App)
	f.exec("UPDATE emails SET started_sending_at = now() - interval '2 minutes'")
	if err := f.TidyQueue(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := f.claim(f.replica(f.db))
	if len(late) != 20 || len(again) != 20 {
		t.Fatalf("claimed %d and %d mails, want 20", len(late), len(again))
	}
	var all sync.WaitGroup
	for _, mail := range append(late, again...) {
		all.Go(func() {
			if err := f.SendEmail(t.Context(), mail); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := f.smtp.Received(); len(got) != 20 {
		t.Errorf("received %d mails, want 20", len(got))
	}
}

// A worker dies between telling the server and hearing from it: whether the
// mail arrived is unknown for ever.
func TestTidyQueue_handedOver_endsWithoutSendingAgain(t *testing.T) {
	f := newFixture(t)
	id := f.enqueue(ask("ada@example.com"))
	mails := f.claim(f.App)
	if err := f.Store.HandOver(t.Context(), mails[0].Claim); err != nil {
		t.Fatal(err)
	}
	f.exec("UPDATE emails SET started_sending_at = now() - interval '19 minutes'")
	if err := f.TidyQueue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.row(id).status; got != domain.StatusSending {
		t.Fatalf("after 19 minutes the mail is %s", got)
	}
	f.exec("UPDATE emails SET started_sending_at = now() - interval '20 minutes'")
	if err := f.TidyQueue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.row(id).status; got != domain.StatusServerError || f.step(f.App) != 0 {
		t.Errorf("after 20 minutes the mail is %s", got)
	}
	if got := f.published(); len(got) != 1 || got[0] != "notifications.v1.email.failed.p" {
		t.Errorf("published %v", got)
	}
}

// Workers of all replicas share one burst. Without LockTenant they spend what
// is left of it several times.
func TestClaimEmails_parallel_keepsTheBurst(t *testing.T) {
	f := newFixture(t)
	f.cfg = app.Config{CapacityPerHour: 0.001, BurstPerMinute: 10}
	for range 60 {
		f.enqueue(ask("ada@example.com"))
	}
	var replicas []*app.App
	for range 8 {
		replicas = append(replicas, f.replica(f.db))
	}
	for { // render all
		n, err := f.RenderEmails(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	if err := f.Store.QueueEmails(t.Context()); err != nil {
		t.Fatal(err)
	}
	var claimed atomic.Int32
	var all sync.WaitGroup
	for _, replica := range replicas {
		all.Go(func() {
			// Two at a time, so that several have to come back.
			for range 10 {
				mails, err := replica.ClaimEmails(t.Context(), func(ids.Tenant, int) int { return 2 })
				if err != nil {
					t.Error(err)
				}
				claimed.Add(int32(len(mails)))
			}
		})
	}
	all.Wait()
	if got := claimed.Load(); got != 10 {
		t.Errorf("claimed %d mails, want the burst of 10", got)
	}
}

// Time is handed out once: two workers do not double a tenant's rate.
func TestClaimEmails_quota_followsTheTimePassed(t *testing.T) {
	f := newFixture(t)
	f.cfg = app.Config{CapacityPerHour: 3600} // one a second, no burst
	quick := f.replica(f.db)
	for range 40 {
		f.enqueue(ask("ada@example.com"))
	}
	if got := len(f.claim(quick)); got != 20 {
		t.Errorf("the first step ever claimed %d, want 20", got)
	}
	// From here on the time that the test itself takes must not count.
	f.cfg = app.Config{CapacityPerHour: 3.6} // one in a thousand seconds
	slow := f.replica(f.db)
	f.exec("UPDATE email_queue_steps SET last_executed_at = now() - interval '7000 seconds'")
	if got := len(f.claim(slow)); got != 7 {
		t.Errorf("7000 seconds later %d were claimed", got)
	}
	f.exec("UPDATE email_queue_steps SET last_executed_at = now() + interval '1 hour'")
	if got := len(f.claim(slow)); got != 0 {
		t.Errorf("with the clock set back %d were claimed", got)
	}
}

func TestPurgeProject_otherProjects_stay(t *testing.T) {
	f := newFixture(t)
	f.enqueue(ask("ada@example.com"))
	other := ask("bob@example.com")
	other.ProjectID = "q"
	f.enqueue(other)
	if err := f.PurgeProject(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	if got := f.query("SELECT string_agg(project_id, ',') FROM emails"); got != "q" {
		t.Errorf("mails are left of projects %s", got)
	}
}

// The database recorded the hand-over, but its answer was lost: the worker told
// no server, so another one may.
func TestReleaseSending_handOverRecordedInVain_sendsLater(t *testing.T) {
	f := newFixture(t)
	id := f.enqueue(ask("ada@example.com"))
	claim := f.claim(f.App)[0].Claim
	if err := f.Store.HandOver(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	if err := f.Store.ReleaseSending(t.Context(), claim, 0); err != nil {
		t.Fatal(err)
	}
	f.step(f.App)
	if got := f.row(id).status; got != domain.StatusSent || len(f.smtp.Received()) != 1 {
		t.Errorf("the mail is %s", got)
	}
}
