package app_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

// The courier asks again until it hears an answer. Without ON CONFLICT the
// second call fails.
func TestEnqueueEmail_sameIDInParallel_queuesOne(t *testing.T) {
	f := newFixture(t)
	email := ask("ada@example.com")
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := f.EnqueueEmail(t.Context(), email); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := f.step(f.App); n != 1 {
		t.Errorf("claimed %d mails, want 1", n)
	}
	email.Emails = []string{"other@example.com"}
	f.enqueue(email)
	f.step(f.App)
	if got := f.smtp.Received(); len(got) != 1 || got[0].To[0] != "ada@example.com" {
		t.Errorf("received %v, want the first mail alone", got)
	}
}

func TestEnqueueEmail_sameIDInOtherProject_isAnotherMail(t *testing.T) {
	f := newFixture(t)
	email := ask("ada@example.com")
	f.enqueue(email)
	email.ProjectID = "q"
	f.enqueue(email)
	if n := f.step(f.App); n != 2 {
		t.Errorf("sent %d mails, want 2", n)
	}
}

func TestEnqueueEmail_invalid_isRefused(t *testing.T) {
	f := newFixture(t)
	for name, tt := range map[string]struct {
		change func(*app.BuiltInEmail)
		says   string
	}{
		"unknown template": {func(e *app.BuiltInEmail) { e.Template = "newsletter" }, "newsletter"},
		"missing variable": {func(e *app.BuiltInEmail) { e.Variables = nil }, "emailVerificationLink is missing"},
		"wrong type": {func(e *app.BuiltInEmail) {
			e.Template, e.Variables = "payment_receipt", map[string]string{"productName": "x", "amount": "1", "quantity": "many"}
		}, "quantity must be of type number"},
		"no recipient":  {func(e *app.BuiltInEmail) { e.Emails = nil }, "needs a user or an address"},
		"no id":         {func(e *app.BuiltInEmail) { e.ID = "x" }, "id must be a UUID"},
		"no user id":    {func(e *app.BuiltInEmail) { e.UserID = "me" }, "user_id must be a UUID"},
		"no project":    {func(e *app.BuiltInEmail) { e.ProjectID = "" }, "project_id"},
		"two lines":     {func(e *app.BuiltInEmail) { e.Emails = []string{"a@example.com\r\nBcc: b@example.com"} }, "emails[0]"},
		"huge address":  {func(e *app.BuiltInEmail) { e.Emails = []string{strings.Repeat("a", 1<<20) + "@example.com"} }, "emails[0]"},
		"empty address": {func(e *app.BuiltInEmail) { e.Emails = []string{"a@example.com", ""} }, "emails[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			email := ask("ada@example.com")
			tt.change(&email)
			err := f.EnqueueEmail(t.Context(), email)
			var known *apierr.Error
			if !errors.As(err, &known) || known.Code != apierr.CodeSchemaError || !strings.Contains(known.Message, tt.says) {
				t.Errorf("EnqueueEmail = %v, want a SCHEMA_ERROR that says %q", err, tt.says)
			}
		})
	}
	if n := f.step(f.App); n != 0 {
		t.Errorf("%d of them were queued", n)
	}
}

func TestEnqueueEmail_configAway_failsAndLosesNothing(t *testing.T) {
	f := newFixture(t)
	f.configs.set(func(c *configs) { c.err = errAway })
	email := ask("ada@example.com")
	if err := f.EnqueueEmail(t.Context(), email); !errors.Is(err, errAway) {
		t.Fatalf("EnqueueEmail = %v", err)
	}
	f.configs.set(func(c *configs) { c.err = nil })
	f.enqueue(email)
	f.step(f.App)
	if got := f.smtp.Received(); len(got) != 1 {
		t.Errorf("received %d mails, want 1", len(got))
	}
}

// Who copies the database must not be able to sign in with it.
func TestEnqueueEmail_stored_isSealed(t *testing.T) {
	f := newFixture(t)
	email := ask("ada@example.com")
	email.Template, email.Variables = "magic_link", map[string]string{"magicLink": link, "otp": "QWERTZ"}
	f.enqueue(email)
	f.step(f.App)
	stored := f.query("SELECT string_agg(e::text || encode(e.variables, 'escape') || encode(e.rendered, 'escape'), '') FROM emails e")
	for _, private := range []string{"QWERTZ", "code=abc"} {
		if strings.Contains(stored, private) {
			t.Errorf("the database holds %q", private)
		}
	}
}

func TestEnqueueEmail_theme_isResolvedWhenQueued(t *testing.T) {
	dark := letter.Themes[1].ID
	own := ids.NewUUID()
	verification := letter.Templates[0].ID
	for name, tt := range map[string]struct {
		change func(*projectconfig.Emails)
		want   string
	}{
		"nothing selected": {func(e *projectconfig.Emails) {}, letter.DefaultThemeID},
		"selected":         {func(e *projectconfig.Emails) { e.SelectedThemeID = dark }, dark},
		"template has none": {func(e *projectconfig.Emails) {
			e.Templates[verification] = projectconfig.EmailTemplate{Theme: projectconfig.ThemeChoice{None: true}}
		}, ""},
		"template has own": {func(e *projectconfig.Emails) {
			e.SelectedThemeID = dark
			e.Templates[verification] = projectconfig.EmailTemplate{Theme: projectconfig.ThemeChoice{ID: own}}
		}, own},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.configs.set(func(c *configs) {
				c.config.Emails.Templates = map[string]projectconfig.EmailTemplate{}
				tt.change(&c.config.Emails)
			})
			id := f.enqueue(ask("ada@example.com"))
			if got := f.query("SELECT coalesce(theme_id::text, '') FROM emails WHERE id = $1", id); got != tt.want {
				t.Errorf("theme is %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEnqueueEmail_override_countsWithOwnServerOnly(t *testing.T) {
	const override = "---\nformat: hx-template/1\nsubject: Mine\ncategory: Transactional\n---\n<p>mine</p>"
	for shared, want := range map[bool]string{true: letter.Templates[0].Source, false: override} {
		f := newFixture(t)
		f.configs.set(func(c *configs) {
			c.config.Emails.Server.IsShared = shared
			c.config.Emails.Templates = map[string]projectconfig.EmailTemplate{letter.Templates[0].ID: {TSXSource: override}}
		})
		id := f.enqueue(ask("ada@example.com"))
		if got := f.query("SELECT source FROM emails WHERE id = $1", id); got != want {
			t.Errorf("shared %v: the source is %q", shared, got)
		}
	}
}

// Code of others is never executed: it is an error of the mail that uses it,
// and of no other.
func TestRenderEmails_foreignSource_failsAlone(t *testing.T) {
	f := newFixture(t)
	bad, good := f.enqueue(ask("a@example.com")), f.enqueue(ask("b@example.com"))
	f.exec("UPDATE emails SET source = 'import { Email } from \"x\"; export default () => 1' WHERE id = $1", bad)
	f.step(f.App)
	if got := f.row(bad); got.status != domain.StatusRenderError || !strings.Contains(*got.renderFail, "hx-template/1") {
		t.Errorf("the mail is %s: %v", got.status, got.renderFail)
	}
	if got := f.row(good).status; got != domain.StatusSent {
		t.Errorf("the other mail is %s", got)
	}
	if got := f.published(); len(got) != 2 || got[0] != "notifications.v1.email.failed.p" || got[1] != "notifications.v1.email.sent.p" {
		t.Errorf("published %v", got)
	}
}

// What the platform itself has to say comes in its own words, whatever the
// project made of its mails.
func TestEnqueueEmail_notice_saysWhatThePlatformSays(t *testing.T) {
	f := newFixture(t)
	notice := letter.Notices[0]
	f.configs.set(func(c *configs) {
		c.config.Emails.Templates = map[string]projectconfig.EmailTemplate{notice.ID: {TSXSource: "<p>mine</p>"}}
	})
	mail := ask("ada@example.com")
	mail.Template, mail.Variables = notice.Key, map[string]string{"description": "Build <b>server</b>", "lastFour": "3f9a"}
	id := f.enqueue(mail)
	f.step(f.App)
	if got := f.row(id); got.status != domain.StatusSent {
		t.Errorf("the mail is %s: %v", got.status, got.renderFail)
	}
	header, text, html := parts(t, f.smtp.Received()[0])
	if header.Get("Subject") != "API Key Revoked: Build <b>server</b>" || !strings.Contains(text, "Build <b>server</b>") ||
		!strings.Contains(html, "Build &lt;b&gt;server&lt;/b&gt;") || !strings.Contains(html, "3f9a") {
		t.Errorf("the mail is %v\n%s\n%s", header, text, html)
	}
}
