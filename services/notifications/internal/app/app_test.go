package app_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"net/netip"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/deliverer"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/domain/letter"
	"vestibule.dev/services/notifications/internal/events"
	"vestibule.dev/services/notifications/internal/mailer"
	"vestibule.dev/services/notifications/internal/postgres"
	"vestibule.dev/services/notifications/internal/smtptest"
	"vestibule.dev/services/notifications/migrations"
)

var tenant = ids.Tenant{ProjectID: "p", BranchID: "main"}

// configs answers for every tenant alike.
type configs struct {
	mu     sync.Mutex
	config projectconfig.Config
	err    error
}

func (c *configs) Get(context.Context, ids.Tenant, int64) (*projectconfig.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	config := c.config
	return &config, c.err
}

// ChangeConfig understands what this context writes.
func (c *configs) ChangeConfig(_ context.Context, _ ids.Tenant, change app.ConfigChange) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	emails := &c.config.Emails
	emails.Templates, emails.Themes = maps.Clone(emails.Templates), maps.Clone(emails.Themes)
	if emails.Templates == nil {
		emails.Templates, emails.Themes = map[string]projectconfig.EmailTemplate{}, map[string]projectconfig.EmailTheme{}
	}
	for _, key := range change.Required {
		kind, id, _ := strings.Cut(strings.TrimPrefix(key, "emails."), ".")
		_, template := emails.Templates[id]
		_, builtInTemplate := letter.TemplateByID(id)
		_, theme := emails.Themes[id]
		_, builtInTheme := letter.ThemeByID(id)
		if kind == "templates" && !template && !builtInTemplate || kind == "themes" && !theme && !builtInTheme {
			return false, nil
		}
	}
	for _, key := range change.Reset {
		_, id, _ := strings.Cut(strings.TrimPrefix(key, "emails."), ".")
		delete(emails.Templates, id)
		delete(emails.Themes, id)
	}
	for key, value := range change.Set {
		path := strings.Split(strings.TrimPrefix(key, "emails."), ".")
		document := map[string]any{"emails": map[string]any{path[0]: map[string]any{path[1]: value}}}
		if len(path) == 3 {
			before := any(emails.Themes[path[1]])
			if path[0] == "templates" {
				t := emails.Templates[path[1]]
				entry := map[string]any{"displayName": t.DisplayName, "tsxSource": t.TSXSource}
				if t.Theme.None {
					entry["themeId"] = false
				} else if t.Theme.ID != "" {
					entry["themeId"] = t.Theme.ID
				}
				before = entry
			}
			text, err := json.Marshal(before)
			if err != nil {
				return false, err
			}
			entry := map[string]any{}
			if err := json.Unmarshal(text, &entry); err != nil {
				return false, err
			}
			entry[path[2]] = value
			document = map[string]any{"emails": map[string]any{path[0]: map[string]any{path[1]: entry}}}
		}
		text, err := json.Marshal(document)
		if err != nil {
			return false, err
		}
		parsed, err := projectconfig.Parse(text)
		if err != nil {
			return false, err
		}
		maps.Copy(emails.Templates, parsed.Emails.Templates)
		maps.Copy(emails.Themes, parsed.Emails.Themes)
	}
	return true, c.err
}

func (c *configs) set(change func(*configs)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

// users are those identity knows.
type users struct {
	mu    sync.Mutex
	known map[string]domain.Contact
	// order are the ids in ascending order, if they were sorted already.
	order []string
	err   error
}

func (u *users) Contacts(_ context.Context, _ ids.Tenant, userIDs []string) (map[string]domain.Contact, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	found := map[string]domain.Contact{}
	for _, id := range userIDs {
		if contact, ok := u.known[id]; ok {
			found[id] = contact
		}
	}
	return found, u.err
}

func (u *users) UserIDs(_ context.Context, _ ids.Tenant, after string, limit int) ([]string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := u.order
	if all == nil {
		all = slices.Sorted(maps.Keys(u.known))
	}
	at, found := slices.BinarySearch(all, after)
	if found {
		at++
	}
	return all[at:min(at+limit, len(all))], u.err
}

// Owners are two, and none of project q.
func (u *users) Owners(_ context.Context, projectID string) ([]string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if projectID == "q" {
		return nil, u.err
	}
	return []string{"boss@example.com", "owner@example.com"}, u.err
}

func (u *users) set(change func(*users)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	change(u)
}

type fixture struct {
	*app.App
	t       *testing.T
	url     secret.Secret
	db      *pg.DB
	smtp    *smtptest.Server
	configs *configs
	users   *users
	box     *secret.Box
	cfg     app.Config
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{
		t: t, url: pgtest.URL(t, outbox.Migrations(), migrations.Source()), smtp: smtptest.New(t),
		configs: &configs{config: projectconfig.Config{DisplayName: "Analytical Engines"}},
		users:   &users{known: map[string]domain.Contact{}},
		cfg:     app.Config{CapacityPerHour: 1_000_000_000, BurstPerMinute: 1000, PublicURL: "https://api.example.com"},
	}
	f.configs.config.Emails.Server.IsShared = true
	ring, err := secret.ParseKeyRing(secret.Secret("k:" + base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	f.box = secret.NewBox(ring)
	f.db = pgtest.Open(t, f.url, 16)
	f.App = f.replica(f.db)
	return f
}

// replica is one more instance of the service.
func (f *fixture) replica(db *pg.DB) *app.App {
	f.t.Helper()
	mails, err := mailer.New(mailer.Config{
		URL: secret.Secret("smtp://" + f.smtp.Addr), Sender: "Vestibule <no-reply@vestibule.example>",
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}, clock.System())
	if err != nil {
		f.t.Fatal(err)
	}
	translations, err := letter.LoadTranslations(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return app.New(f.cfg, app.Ports{
		Translations: translations,
		Store:        postgres.NewStore(db, f.box, events.Encode), Configs: f.configs, Writer: f.configs, Users: f.users, Mailer: mails,
		Receivers: deliverer.New(deliverer.Config{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, clock.System()),
		Clock:     clock.System(), Random: func() float64 { return 0.5 }, Logger: slog.New(slog.DiscardHandler),
	})
}

const link = "https://app.example.com/verify?code=abcdefghjkmnpqrstvwxyz0123456789abcdefghjkmnp&x=%22"

// ask is a verification mail to an address.
func ask(address string) app.BuiltInEmail {
	return app.BuiltInEmail{
		Tenant: tenant, ID: ids.NewUUID(), Template: "email_verification", Emails: []string{address},
		Variables: map[string]string{"emailVerificationLink": link},
	}
}

func (f *fixture) enqueue(email app.BuiltInEmail) string {
	f.t.Helper()
	if err := f.EnqueueEmail(f.t.Context(), email); err != nil {
		f.t.Fatal(err)
	}
	return email.ID
}

func unlimited(ids.Tenant, int) int { return 1000 }

// claim renders what waits and claims what may be sent.
func (f *fixture) claim(a *app.App) []app.Mail {
	f.t.Helper()
	for {
		n, err := a.RenderEmails(f.t.Context())
		if err != nil {
			f.t.Error(err)
		}
		if n == 0 {
			break
		}
	}
	mails, err := a.ClaimEmails(f.t.Context(), unlimited)
	if err != nil {
		f.t.Error(err)
	}
	return mails
}

// step is one turn of a worker.
func (f *fixture) step(a *app.App) int {
	f.t.Helper()
	mails := f.claim(a)
	var all sync.WaitGroup
	for _, mail := range mails {
		all.Go(func() {
			if err := a.SendEmail(f.t.Context(), mail); err != nil {
				f.t.Error(err)
			}
		})
	}
	all.Wait()
	return len(mails)
}

func (f *fixture) exec(sql string, args ...any) {
	f.t.Helper()
	if _, err := f.db.Querier(f.t.Context()).Exec(f.t.Context(), sql, args...); err != nil {
		f.t.Fatal(err)
	}
}

// query returns one text.
func (f *fixture) query(sql string, args ...any) (text string) {
	f.t.Helper()
	if err := f.db.Querier(f.t.Context()).QueryRow(f.t.Context(), sql, args...).Scan(&text); err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
	return text
}

// row is what has become of a mail.
type row struct {
	status     domain.Status
	skipped    string
	retries    int
	nextRetry  *float64 // seconds from now
	attempts   *string
	server     *string
	renderFail *string
	started    bool
}

func (f *fixture) row(id string) row {
	f.t.Helper()
	var r row
	var p domain.Progress
	var skipped *string
	var canHaveInfo *bool
	err := f.db.Querier(f.t.Context()).QueryRow(f.t.Context(), `
SELECT is_paused, is_queued, skipped_reason, started_rendering_at, finished_rendering_at, render_error::text, started_sending_at, finished_sending_at,
       can_have_delivery_info, server_error::text, send_retries, extract(epoch FROM next_send_retry_at - now())::float8, send_attempt_errors::text
FROM emails WHERE id = $1`, id).Scan(&p.Paused, &p.Queued, &skipped, &p.StartedRendering, &p.FinishedRendering, &r.renderFail, &p.StartedSending,
		&p.FinishedSending, &canHaveInfo, &r.server, &r.retries, &r.nextRetry, &r.attempts)
	if err != nil {
		f.t.Fatal(err)
	}
	if skipped != nil {
		r.skipped = *skipped
		p.Skipped = domain.SkipReason(*skipped)
	}
	p.CanHaveDeliveryInfo = canHaveInfo != nil && *canHaveInfo
	p.RenderFailed, p.ServerFailed = r.renderFail != nil, r.server != nil
	r.started = p.StartedSending != nil
	r.status, _ = p.Status()
	return r
}

// published lists the subjects of the events so far and fails when one of them
// says more than it may.
func (f *fixture) published() (subjects []string) {
	f.t.Helper()
	rows, err := f.db.Querier(f.t.Context()).Query(f.t.Context(), "SELECT subject, payload FROM outbox ORDER BY seq")
	if err != nil {
		f.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var subject string
		var payload []byte
		if err := rows.Scan(&subject, &payload); err != nil {
			f.t.Fatal(err)
		}
		for _, private := range []string{"example.com", "http", "code=", "Verify"} {
			if strings.Contains(string(payload), private) {
				f.t.Errorf("event %s contains %q", subject, private)
			}
		}
		subjects = append(subjects, subject)
	}
	return subjects
}

var errAway = errors.New("identity is away")

// due makes every retry and every deferred mail due now.
func (f *fixture) due() {
	f.exec("UPDATE emails SET next_send_retry_at = now() - interval '1 second' WHERE next_send_retry_at IS NOT NULL")
	f.exec("UPDATE emails SET deferred_until = now()")
}
