package app_test

import (
	"context"
	"testing"

	"vestibule.dev/services/notifications/internal/smtptest"
)

func TestListFailedEmails_ofTheLastDay_byTenant(t *testing.T) {
	f := newFixture(t)
	f.cfg.CronSecret = "s3cret"
	f.App = f.replica(f.db)
	f.smtp.OnData(func(m smtptest.Message) error {
		if m.To[0] == "fine@example.com" {
			return nil
		}
		return smtptest.Refuse(554, "no")
	})
	f.enqueue(ask("fine@example.com"))
	refused := f.enqueue(ask("refused@example.com"))
	old := f.enqueue(ask("old@example.com"))
	foreign := f.enqueue(ask("unrendered@example.com"))
	f.exec("UPDATE emails SET source = 'export default 1' WHERE id = $1", foreign)
	elsewhere := ask("elsewhere@example.com")
	elsewhere.ProjectID = "q" // its owners have no address
	f.enqueue(elsewhere)
	f.step(f.App)
	f.exec("UPDATE emails SET created_at = now() - interval '25 hours' WHERE id = $1", old)
	f.exec("UPDATE emails SET created_at = now() - interval '1 hour' WHERE id = $1", refused)

	for header, want := range map[string]string{"Bearer s3cre": "Unauthorized", "": "Unauthorized"} {
		if _, err := f.ListFailedEmails(context.Background(), header); answer(err) != want {
			t.Errorf("%q: %v, want %q", header, err, want)
		}
	}
	digests, err := f.ListFailedEmails(context.Background(), "Bearer s3cret")
	if err != nil || len(digests) != 1 || digests[0].Tenant != tenant || len(digests[0].Owners) != 2 || len(digests[0].Emails) != 2 {
		t.Fatalf("%+v, %v", digests, err)
	}
	unrendered, sent := digests[0].Emails[0], digests[0].Emails[1]
	if unrendered.Rendered || unrendered.Subject != "" || unrendered.Recipient.Emails[0] != "unrendered@example.com" {
		t.Errorf("the mail without content is %+v", unrendered)
	}
	if !sent.Rendered || sent.Subject != "Verify your email at Analytical Engines" || sent.Recipient.Emails[0] != "refused@example.com" {
		t.Errorf("the refused mail is %+v", sent)
	}
}
