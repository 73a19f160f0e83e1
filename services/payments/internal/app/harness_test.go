package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/events"
	"vestibule.dev/services/payments/internal/postgres"
	"vestibule.dev/services/payments/internal/stripe/memory"
	"vestibule.dev/services/payments/migrations"
)

var tenant = ids.Tenant{ProjectID: "p", BranchID: "main"}

var start = time.Date(2025, time.January, 31, 10, 0, 0, 0, time.UTC)

const config = `{"domains": {"allowLocalhost": true, "trustedDomains": {"a": {"baseUrl": "https://app.example.com"}}},
"payments": {"testMode": true, "blockNewPurchases": false,
	"items": {"credits": {"displayName": "Credits", "customerType": "user"},
		"seats": {"displayName": "Seats", "customerType": "team"},
		"units": {"displayName": "Units", "customerType": "custom"}},
	"productLines": {"plans": {"customerType": "user"}},
	"products": {
		"basic": {"displayName": "Basic", "customerType": "user", "productLineId": "plans", "isAddOnTo": false,
			"prices": {"monthly": {"USD": "9.99", "interval": [1, "month"]}, "yearly": {"USD": "99", "interval": [1, "year"]}},
			"includedItems": {"credits": {"quantity": 100, "repeat": [1, "month"], "expires": "when-repeated"}}},
		"pro": {"displayName": "Pro", "customerType": "user", "productLineId": "plans", "isAddOnTo": false,
			"prices": {"monthly": {"USD": "19.99", "interval": [1, "month"]}},
			"includedItems": {"credits": {"quantity": 500, "repeat": [1, "month"], "expires": "when-repeated"}}},
		"lifetime": {"displayName": "Lifetime", "customerType": "user", "productLineId": "plans", "isAddOnTo": false,
			"prices": {"once": {"USD": "500"}}, "includedItems": {}},
		"boost": {"displayName": "Boost", "customerType": "user", "productLineId": "plans", "isAddOnTo": {"basic": true},
			"prices": {"once": {"USD": "5"}}, "includedItems": {"credits": {"quantity": 7, "repeat": "never", "expires": "never"}}},
		"pack": {"displayName": "Pack", "customerType": "user", "isAddOnTo": false, "stackable": true,
			"prices": {"once": {"USD": "2.50"}}, "includedItems": {"credits": {"quantity": 10, "repeat": "never", "expires": "never"}}},
		"free": {"displayName": "Free", "customerType": "user", "isAddOnTo": false,
			"prices": {"monthly": {"USD": "0", "interval": [1, "month"]}, "once": {"USD": "0.00"}},
			"includedItems": {"credits": {"quantity": 3, "repeat": "never", "expires": "when-purchase-expires"}}},
		"hidden": {"displayName": "Hidden", "customerType": "user", "isAddOnTo": false, "serverOnly": true, "prices": {"once": {"USD": "1"}}, "includedItems": {}},
		"old": {"displayName": "Old", "customerType": "user", "isAddOnTo": false, "prices": "include-by-default", "includedItems": {}},
		"typo": {"displayName": "Typo", "customerType": "user", "isAddOnTo": false, "prices": {"once": {"USD": "2,50"}}, "includedItems": {}},
		"office": {"displayName": "Office", "customerType": "team", "isAddOnTo": false, "prices": {"once": {"USD": "1"}}, "includedItems": {}}
	}}}`

// world plays the contexts that payments asks.
type world struct {
	mu    sync.Mutex
	users map[string]bool
	teams map[string]bool
	// members maps team/user to the permissions of a membership.
	members map[string][]string
	config  string
	// asked counts the questions about users and teams.
	asked int
}

func (w *world) UserExists(_ context.Context, _ ids.Tenant, userID string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	return w.users[userID], nil
}

func (w *world) TeamExists(_ context.Context, _ ids.Tenant, teamID string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	return w.teams[teamID], nil
}

func (w *world) Membership(_ context.Context, _ ids.Tenant, teamID, userID string) ([]string, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	permissionIDs, member := w.members[teamID+"/"+userID]
	return permissionIDs, member, nil
}

func (w *world) Holders(_ context.Context, _ ids.Tenant, teamID, permissionID string) (userIDs []string, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for member, permissionIDs := range w.members {
		if team, userID, _ := strings.Cut(member, "/"); team == teamID && slices.Contains(permissionIDs, permissionID) {
			userIDs = append(userIDs, userID)
		}
	}
	slices.Sort(userIDs)
	return userIDs, nil
}

func (w *world) Project(_ context.Context, tenant ids.Tenant, _ int64) (*app.Project, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	parsed, err := projectconfig.Parse([]byte(w.config))
	if err != nil {
		return nil, err
	}
	parsed.Tenant = tenant
	catalog, err := domain.ParseCatalog([]byte(w.config))
	return &app.Project{Config: parsed, Catalog: catalog}, err
}

// configure edits the configuration.
func (w *world) configure(from, to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !strings.Contains(w.config, from) {
		panic("the configuration has no " + from)
	}
	w.config = strings.Replace(w.config, from, to, 1)
}

var sources = []migrate.Source{outbox.Migrations(), onetime.Migrations(), courier.Migrations(), migrations.Source()}

type fixture struct {
	*app.App
	*world
	// stripe is nil without a payment provider.
	stripe *memory.Stripe
	box    *secret.Box

	t     *testing.T
	db    *pg.DB
	clock *clock.Fake
	user  string
	team  string
}

func newFixture(t *testing.T) *fixture {
	return newFixtureOn(t, pgtest.New(t, sources...))
}

// newStripeFixture is a fixture with a payment provider.
func newStripeFixture(t *testing.T) *fixture {
	f := newFixture(t)
	f.stripe = memory.New(f.clock)
	f.App = f.replica(f.db)
	return f
}

func newFixtureOn(t *testing.T, db *pg.DB) *fixture {
	ring, err := secret.ParseKeyRing(secret.Secret("k1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{
		box: secret.NewBox(ring),

		world: &world{users: map[string]bool{}, teams: map[string]bool{}, members: map[string][]string{}, config: config},
		t:     t, db: db, clock: clock.NewFake(start), user: ids.NewUUID(), team: ids.NewUUID(),
	}
	f.users[f.user], f.teams[f.team] = true, true
	f.members[f.team+"/"+f.user] = []string{"team_admin"}
	f.App = f.replica(db)
	return f
}

// replica is another process of the service.
func (f *fixture) replica(db *pg.DB) *app.App {
	f.t.Helper()
	codes, err := onetime.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.t.Fatal(err)
	}
	deps := app.Deps{
		Store: postgres.NewStore(db, codes, f.box, events.Encode), Projects: f, Users: f, Teams: f, Clock: f.clock,
		CheckoutURL: "https://pay.example.com", DashboardURL: "https://dash.example.com", StripePublishableKey: "pk_test",
	}
	if deps.Fee, err = domain.ParsePercent("2.5"); err != nil {
		f.t.Fatal(err)
	}
	if f.stripe != nil {
		deps.Stripe = f.stripe
	}
	return app.New(deps)
}

func (f *fixture) server() context.Context {
	return principal.NewContext(f.t.Context(), principal.Principal{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Access: principal.AccessServer, ConfigVersion: 1})
}

func (f *fixture) client(userID string) context.Context {
	return principal.NewContext(f.t.Context(), principal.Principal{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Access: principal.AccessClient, UserID: userID, ConfigVersion: 1})
}

func (f *fixture) owner() domain.Customer {
	return domain.Customer{Type: domain.CustomerUser, ID: f.user}
}

// add changes the credits of the fixture's user.
func (f *fixture) add(delta int64) {
	f.t.Helper()
	if err := f.UpdateItemQuantity(f.server(), app.ItemQuantityUpdate{Customer: f.owner(), ItemID: "credits", Delta: delta, AllowNegative: true}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) credits() string {
	f.t.Helper()
	item, err := f.GetItem(f.server(), f.owner(), "credits")
	if err != nil {
		f.t.Fatal(err)
	}
	return item.Quantity.String()
}

func (f *fixture) wantCredits(want string) {
	f.t.Helper()
	if got := f.credits(); got != want {
		f.t.Errorf("credits at %s are %s, want %s", f.clock.Now(), got, want)
	}
}

// value reads one value from the database.
func value[T any](f *fixture, sql string, args ...any) (v T) {
	f.t.Helper()
	if err := f.db.Querier(f.t.Context()).QueryRow(f.t.Context(), sql, args...).Scan(&v); err != nil {
		f.t.Fatal(err)
	}
	return v
}

// published lists the subjects of the events so far, in order.
func (f *fixture) published() []string {
	f.t.Helper()
	return value[[]string](f, "SELECT coalesce(array_agg(subject ORDER BY seq), '{}') FROM outbox")
}
