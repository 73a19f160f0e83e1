package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/domain/letter"
	"vestibule.dev/services/notifications/internal/smtptest"
)

// ownServer gives the project a mail server of its own.
func (f *fixture) ownServer() {
	host, port, _ := strings.Cut(f.smtp.Addr, ":")
	f.configs.set(func(c *configs) {
		server := &c.config.Emails.Server
		server.IsShared, server.Host, server.Username, server.Password = false, host, "ada", "secret"
		server.SenderName, server.SenderEmail = "Ada's shop", "shop@example.com"
		_, _ = fmt.Sscan(port, &server.Port)
	})
}

// outbox reads a mail as the API shows it.
func (f *fixture) outbox(id string) *app.OutboxEmail {
	f.t.Helper()
	email, err := f.GetOutboxEmail(as(f.t, principal.AccessServer, ""), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return email
}

// newest lists the mails of the project, newest first.
func (f *fixture) newest() []app.OutboxEmail {
	f.t.Helper()
	page, _, err := f.ListOutboxEmails(as(f.t, principal.AccessServer, ""), nil, nil, "")
	if err != nil {
		f.t.Fatal(err)
	}
	return page
}

func TestQueueEmails_refusals_inOrder(t *testing.T) {
	f := newFixture(t)
	me := f.user("ada@example.com")
	server := as(t, principal.AccessServer, "")
	draft, err := f.CreateEmailDraft(server, app.EmailDraft{DisplayName: "D"})
	if err != nil {
		t.Fatal(err)
	}
	bad := app.OutgoingEmail{HTML: new("x"), UserIDs: []string{"nobody"}, AllUsers: true, CategoryName: new("marketing")}
	queue := func(want string, change func(*app.OutgoingEmail)) {
		t.Helper()
		change(&bad)
		if _, err := f.QueueEmails(server, bad); answer(err) != want {
			t.Errorf("%+v: %v, want %s", bad, err, want)
		}
	}
	queue("REQUIRES_CUSTOM_EMAIL_SERVER", func(*app.OutgoingEmail) {})
	f.ownServer()
	queue("SCHEMA_ERROR", func(*app.OutgoingEmail) {})
	queue("SCHEMA_ERROR", func(o *app.OutgoingEmail) { o.AllUsers, o.UserIDs = false, nil })
	queue("Bad Request", func(o *app.OutgoingEmail) { o.UserIDs = []string{me, "nobody", ids.NewUUID()} })
	bad.HTML = nil
	queue("Bad Request", func(o *app.OutgoingEmail) { o.CategoryName, o.TemplateID = new("Marketing"), new(ids.NewUUID()) })
	queue("Bad Request", func(o *app.OutgoingEmail) { o.TemplateID, o.DraftID = nil, new("no id") })
	queue("Bad Request", func(o *app.OutgoingEmail) { o.DraftID = new(ids.NewUUID()) })
	queue("USER_ID_DOES_NOT_EXIST", func(o *app.OutgoingEmail) { o.DraftID = &draft })

	_, err = f.QueueEmails(server, bad)
	var known *apierr.Error
	if !errors.As(err, &known) || known.Details["user_id"] != "nobody" {
		t.Errorf("the missing user is %v", known.Details)
	}
	stranger := ids.NewUUID()
	bad.UserIDs = []string{me, stranger, "nobody"}
	if _, err = f.QueueEmails(server, bad); !errors.As(err, &known) || known.Details["user_id"] != stranger {
		t.Errorf("the first missing user is %v", known.Details)
	}
	if found, err := f.GetEmailDraft(server, draft); err != nil || found.SentAt != nil || len(f.newest()) != 0 {
		t.Errorf("a refused call left %d mails, the draft is %+v, %v", len(f.newest()), found, err)
	}
	foreign := principal.NewContext(t.Context(), principal.Principal{ProjectID: "q", BranchID: "main", Access: principal.AccessServer})
	bad.UserIDs = []string{}
	if _, err := f.QueueEmails(foreign, bad); answer(err) != "Bad Request" {
		t.Errorf("another project's draft is answered by %v", err)
	}
}

func TestQueueEmails_selectors(t *testing.T) {
	f := newFixture(t)
	f.ownServer()
	server := as(t, principal.AccessServer, "")
	a, b := f.user("a@example.com"), f.user("b@example.com")
	html := app.OutgoingEmail{HTML: new("<p>Hello</p>"), Subject: "Hello"}

	html.UserIDs = []string{}
	if results, err := f.QueueEmails(server, html); err != nil || len(results) != 0 {
		t.Errorf("nobody: %v, %v", results, err)
	}
	html.UserIDs = []string{b, strings.ToUpper(a), b}
	if results, err := f.QueueEmails(server, html); err != nil || !slices.Equal(results, []string{b, a, b}) {
		t.Errorf("a list: %v, %v", results, err)
	}
	f.step(f.App)
	if got := f.smtp.Received(); len(got) != 3 {
		t.Fatalf("received %d mails, want 3", len(got))
	}
	html.UserIDs, html.AllUsers = nil, true
	results, err := f.QueueEmails(server, html)
	slices.Sort(results)
	if want := slices.Sorted(slices.Values([]string{a, b})); err != nil || !slices.Equal(results, want) {
		t.Errorf("all: %v, %v", results, err)
	}
	if got := f.newest(); len(got) != 5 {
		t.Errorf("%d mails are in the outbox, want 5", len(got))
	}
}

func TestQueueEmails_whatIsSent(t *testing.T) {
	f := newFixture(t)
	f.ownServer()
	server := as(t, principal.AccessServer, "")
	me := f.user("ada@example.com")
	template, err := f.CreateEmailTemplate(server, "Invoice")
	if err != nil {
		t.Fatal(err)
	}
	source := "---\nformat: hx-template/1\nsubject: Invoice {{ variables.n }}\ncategory: Marketing\nvariables:\n  n: number\npreview:\n  n: 1\n---\n<p>No. {{ variables.n }}</p>"
	if _, err := f.UpdateEmailTemplate(server, template, source, &projectconfig.ThemeChoice{None: true}); err != nil {
		t.Fatal(err)
	}
	draft, err := f.CreateEmailDraft(server, app.EmailDraft{DisplayName: "D", Source: source, Theme: projectconfig.ThemeChoice{None: true}})
	if err != nil {
		t.Fatal(err)
	}
	dark, unknown := letter.Themes[1].ID, ids.NewUUID()
	send := func(outgoing app.OutgoingEmail) app.OutboxEmail {
		t.Helper()
		outgoing.UserIDs = []string{me}
		before := len(f.newest())
		if _, err := f.QueueEmails(server, outgoing); err != nil {
			t.Fatal(err)
		}
		f.step(f.App)
		all := f.newest()
		if len(all) != before+1 {
			t.Fatalf("%d mails after %d", len(all), before)
		}
		return all[0]
	}
	status := func(e app.OutboxEmail) domain.Status { s, _ := e.Progress.Status(); return s }

	raw := send(app.OutgoingEmail{HTML: new("<p>Hi {{ x }}</p>"), Subject: " A\r\nBcc: x@example.com ", Theme: &projectconfig.ThemeChoice{ID: dark}, HighPriority: true})
	if status(raw) != domain.StatusSent || raw.Subject != "A Bcc: x@example.com" || raw.TemplateID != "" || raw.CategoryID != "" || raw.Transactional ||
		raw.ThemeID != dark || !raw.HighPriority || !strings.Contains(raw.HTML, "Hi {{ x }}") || len(raw.Variables) != 0 {
		t.Errorf("raw HTML becomes %+v", raw)
	}
	filled := send(app.OutgoingEmail{TemplateID: &template, Variables: map[string]any{"n": 7.0, "more": "x"}})
	if status(filled) != domain.StatusSent || filled.Subject != "Invoice 7" || filled.TemplateID != template || filled.CategoryID != marketing ||
		filled.ThemeID != letter.DefaultThemeID || filled.Variables["more"] != "x" || !strings.Contains(filled.Text, "unsubscribe-link?code=") {
		t.Errorf("a template becomes %+v", filled)
	}
	overridden := send(app.OutgoingEmail{TemplateID: &template, Variables: map[string]any{"n": 8.0}, Subject: "Other", CategoryName: new("Transactional"), Theme: &projectconfig.ThemeChoice{ID: unknown}})
	if overridden.Subject != "Other" || overridden.CategoryID != transactional || !overridden.Transactional || overridden.ThemeID != unknown ||
		status(overridden) != domain.StatusSent || strings.Contains(overridden.Text, "unsubscribe") {
		t.Errorf("with everything overridden it becomes %+v", overridden)
	}
	missing := send(app.OutgoingEmail{TemplateID: &template})
	if status(missing) != domain.StatusRenderError || !strings.Contains(missing.RenderError, "n is missing") || missing.Problem() != "Render error: "+missing.RenderError {
		t.Errorf("without a variable it becomes %+v", missing)
	}
	broken, err := f.CreateEmailDraft(server, app.EmailDraft{DisplayName: "TSX", Source: "export function EmailTemplate() { return <Html/> }"})
	if err != nil {
		t.Fatal(err)
	}
	if got := send(app.OutgoingEmail{DraftID: &broken}); status(got) != domain.StatusRenderError || got.CreatedWith != domain.FromDraft || got.DraftID != broken {
		t.Errorf("a draft in TSX becomes %+v", got)
	}
	if got := send(app.OutgoingEmail{DraftID: &draft}); got.ThemeID != "" || status(got) != domain.StatusRenderError {
		t.Errorf("the draft becomes %+v", got)
	}
	if got := send(app.OutgoingEmail{DraftID: &draft, Theme: &projectconfig.ThemeChoice{}}); got.ThemeID != letter.DefaultThemeID {
		t.Errorf("with the project's theme the draft becomes %+v", got)
	}
	sent, err := f.GetEmailDraft(server, draft)
	if err != nil || sent.SentAt == nil {
		t.Errorf("the draft is %+v, %v", sent, err)
	}

	later := time.Now().Add(time.Hour)
	scheduled := send(app.OutgoingEmail{HTML: new("x"), ScheduledAt: &later})
	if status(scheduled) != domain.StatusScheduled {
		t.Errorf("a mail for later is %+v", scheduled)
	}
	past := time.Unix(0, 0)
	if got := send(app.OutgoingEmail{HTML: new("x"), ScheduledAt: &past}); status(got) != domain.StatusSent {
		t.Errorf("a mail for the past is %+v", got)
	}
}

func TestQueueEmails_userLater_decidesAtTheEnd(t *testing.T) {
	f := newFixture(t)
	f.ownServer()
	homeless, moved, gone := f.user(""), f.user("old@example.com"), f.user("gone@example.com")
	if _, err := f.QueueEmails(as(t, principal.AccessServer, ""), app.OutgoingEmail{HTML: new("x"), UserIDs: []string{homeless, moved, gone}}); err != nil {
		t.Fatal(err)
	}
	f.users.set(func(u *users) {
		u.known[moved] = domain.Contact{PrimaryEmail: "new@example.com"}
		delete(u.known, gone)
	})
	f.step(f.App)
	for _, email := range f.newest() {
		want := map[string]domain.SkipReason{homeless: domain.SkipUserHasNoPrimaryEmail, moved: "", gone: domain.SkipUserDeleted}[email.Recipient.UserID]
		if email.Progress.Skipped != want || email.Progress.StartedSending == nil || email.Progress.FinishedRendering == nil {
			t.Errorf("a mail is %+v, want %q", email, want)
		}
	}
	if got := f.smtp.Received(); len(got) != 1 || got[0].To[0] != "new@example.com" {
		t.Errorf("received %+v", got)
	}
}

// An address that the shared server has refused twice for good gets no more
// mail, but for those that must be tried.
func TestSendEmail_addressRefusedTwice_isSkipped(t *testing.T) {
	f := newFixture(t)
	f.smtp.OnRcpt(func(to string) error {
		if strings.HasPrefix(to, "gone") {
			return smtptest.Refuse(550, "no such user")
		}
		return nil
	})
	enqueue := func(address string, urgent bool) string {
		mail := ask(address)
		mail.SkipDeliverabilityCheck = urgent
		return f.enqueue(mail)
	}
	for range 2 {
		id := enqueue("gone@example.com", false)
		f.step(f.App)
		if got := f.row(id); got.status != domain.StatusServerError || !strings.Contains(*got.server, "REJECTED") {
			t.Fatalf("the mail is %+v", got)
		}
	}
	third, urgent, other := enqueue("Gone@example.com", false), enqueue("gone@example.com", true), enqueue("here@example.com", false)
	f.step(f.App)
	if got := f.outbox(third); got.Progress.Skipped != domain.SkipLikelyNotDeliverable || got.SkippedDetails["email"] != "Gone@example.com" {
		t.Errorf("the third mail is %+v", got)
	}
	if got := f.row(urgent); got.status != domain.StatusServerError {
		t.Errorf("an urgent mail is %+v", got)
	}
	if got := f.row(other); got.status != domain.StatusSent {
		t.Errorf("a mail to somebody else is %+v", got)
	}
	if got := f.query("SELECT string_agg(r::text, '') FROM refused_addresses r"); strings.Contains(got, "gone") {
		t.Error("the database knows the address")
	}
	f.smtp.OnRcpt(nil)
	enqueue("gone@example.com", true)
	f.step(f.App)
	fourth := enqueue("gone@example.com", false)
	f.step(f.App)
	if got := f.row(fourth); got.status != domain.StatusSent {
		t.Errorf("after the address took a mail the next one is %+v", got)
	}
}

// How the platform's own server is reached is not the project's to know.
func TestSendEmail_sharedServerAway_tellsNothing(t *testing.T) {
	f := newFixture(t)
	id := f.enqueue(ask("ada@example.com"))
	f.smtp.Stop()
	f.step(f.App)
	_, port, _ := strings.Cut(f.smtp.Addr, ":")
	if got := f.row(id); got.retries != 1 || strings.Contains(*got.attempts, port) || strings.Contains(*got.attempts, "127.0.0.1") {
		t.Errorf("the mail is %+v: %s", got, *got.attempts)
	}
}

func TestRunEmailQueue_secret(t *testing.T) {
	f := newFixture(t)
	if err := f.RunEmailQueue(t.Context(), "Bearer "); answer(err) != "Unauthorized" {
		t.Errorf("without a secret anybody may: %v", err)
	}
	f.cfg.CronSecret = "s3cret"
	a := f.replica(f.db)
	for header, want := range map[string]string{"Bearer s3cret": "", "Bearer s3cre": "Unauthorized", "s3cret": "Unauthorized", "": "Unauthorized"} {
		if err := a.RunEmailQueue(context.Background(), header); answer(err) != want {
			t.Errorf("%q: %v, want %q", header, err, want)
		}
	}
}

// What a backend passes on from strangers injects nothing: neither headers nor
// markup nor template syntax, whatever its size.
func TestQueueEmails_hostileValues_injectNothing(t *testing.T) {
	f := newFixture(t)
	f.ownServer()
	server := as(t, principal.AccessServer, "")
	template, err := f.CreateEmailTemplate(server, "Note")
	if err != nil {
		t.Fatal(err)
	}
	source := "---\nformat: hx-template/1\nsubject: Note from {{ variables.who }}\ncategory: Transactional\nvariables:\n  who: string\n  list: json?\npreview:\n  who: Ada\n---\n" +
		"<p title=\"{{ variables.who }}\">{{ variables.who }}</p><a href=\"{{ variables.who }}\">x</a>{{#each variables.list}}<b>{{ this }}</b>{{/each}}"
	if _, err := f.UpdateEmailTemplate(server, template, source, nil); err != nil {
		t.Fatal(err)
	}
	hostile := []string{
		"Eve\r\nBcc: victim@example.com\r\n\r\nbody", "Eve\nBcc: victim@example.com", "=?utf-8?q?=0d=0aBcc:_victim@example.com?=",
		`"><script>alert(1)</script>`, "javascript:alert(1)", "\u202egnp.exe\u2066", "{{ user.displayName }}{{#each variables.list}}",
		"\x00\x1b[2J\u2028", strings.Repeat("{{#if variables.who}}", 3000), strings.Repeat("<i>", 300_000),
	}
	for i, value := range hostile {
		me := f.user(fmt.Sprintf("user%d@example.com", i))
		f.users.set(func(u *users) {
			u.known[me] = domain.Contact{PrimaryEmail: fmt.Sprintf("user%d@example.com", i), DisplayName: &value}
		})
		for _, outgoing := range []app.OutgoingEmail{
			{TemplateID: &template, Variables: map[string]any{"who": value, "list": []any{value}}}, {HTML: new("<p>x</p>"), Subject: value},
		} {
			outgoing.UserIDs = []string{me}
			if _, err := f.QueueEmails(server, outgoing); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.step(f.App)
	received := f.smtp.Received()
	if len(received) < 2*len(hostile)-1 { // the largest one may exceed what a mail can be
		t.Errorf("received %d mails of %d", len(received), 2*len(hostile))
	}
	for _, message := range received {
		header, _, html := parts(t, message)
		if len(message.To) != 1 || header.Get("Bcc") != "" || len(header.Get("Subject")) > 8000 {
			t.Errorf("a mail to %v has the headers %.300v", message.To, header)
		}
		for _, forbidden := range []string{"<script", "<i>", `href="javascript`, "\u202e", "\u2066", "\x00", "\x1b"} {
			if strings.Contains(html, forbidden) {
				t.Errorf("a mail to %v contains %q", message.To, forbidden)
			}
		}
	}
}
