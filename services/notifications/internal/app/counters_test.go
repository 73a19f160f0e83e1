package app_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"vestibule.dev/pkg/obs"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/smtptest"
)

// scrape returns the metrics as an operator sees them.
func scrape(t *testing.T, telemetry *obs.Telemetry) string {
	t.Helper()
	w := httptest.NewRecorder()
	telemetry.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// What becomes of mails and webhooks is counted by kind, and never by whom.
func TestCounters_outcomes_areCountedOnce(t *testing.T) {
	f := newFixture(t)
	telemetry, err := obs.StartTelemetry(t.Context(), obs.TelemetryConfig{Service: "notifications", Scraped: true})
	if err != nil {
		t.Fatal(err)
	}
	counts := func(name string, attributes []string, first ...[]string) *obs.Counts {
		t.Helper()
		c, err := obs.NewCounts(t.Context(), telemetry, name, "of a test", attributes, first...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	f.Counters = app.Counters{
		Mails:           counts("mails", []string{"outcome", "kind"}, app.MailOutcomes()...),
		WebhookAttempts: counts("attempts", []string{"outcome"}),
		WebhookLosses:   counts("losses", []string{"kind"}),
	}

	refusals := []error{smtptest.Refuse(450, "later"), smtptest.Refuse(553, "no such user"), nil}
	f.smtp.OnData(func(smtptest.Message) error {
		next := refusals[0]
		refusals = refusals[1:]
		return next
	})
	for range refusals {
		f.enqueue(ask("ada@example.com"))
		f.step(f.App)
	}
	f.enqueue(ask("bob@emailable-not-deliverable.example.com"))
	f.step(f.App)
	foreign := f.enqueue(ask("ada@example.com"))
	f.exec("UPDATE emails SET source = 'export default 1' WHERE id = $1", foreign)
	f.step(f.App)
	r := newReceiver(t)
	f.endpoint(r.URL)
	r.answers(func(post) int { return http.StatusGone })
	f.happen("user.created", "user/1", 1)
	for f.deliver() > 0 {
		f.retry()
	}
	r.answers(func(post) int { return 0 })
	f.happen("user.created", "user/2", 1)
	f.deliver()
	r.answers(nil)
	f.happen("user.created", "user/3", 1)
	f.deliver()

	text := scrape(t, telemetry)
	for _, want := range []string{
		`mails_total{kind="",outcome="sent"} 1`, `mails_total{kind="TEMPORARY",outcome="retried"} 1`,
		`mails_total{kind="INVALID_EMAIL_ADDRESS",outcome="failed"} 1`, `mails_total{kind="LIKELY_NOT_DELIVERABLE",outcome="skipped"} 1`,
		`mails_total{kind="",outcome="unrendered"} 1`, `mails_total{kind="AUTH_FAILED",outcome="failed"} 0`,
		`attempts_total{outcome="refused"} 8`, `attempts_total{outcome="unanswered"} 1`, `attempts_total{outcome="delivered"} 1`,
		`losses_total{kind="delivery"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is not among\n%s", want, text)
		}
	}
	if strings.Contains(text, "example.com") {
		t.Error("an address is in a label")
	}
}
