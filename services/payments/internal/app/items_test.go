package app_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
)

func TestGetItem_whoMayAsk(t *testing.T) {
	f := newFixture(t)
	member := ids.NewUUID()
	f.members[f.team+"/"+member] = []string{"team_member"}
	forbidden := apierr.Text(403, "-")
	for _, tt := range []struct {
		name     string
		ctx      context.Context
		customer domain.Customer
		item     string
		want     error
	}{
		{"own user", f.client(f.user), f.owner(), "credits", nil},
		{"nobody signed in", f.client(""), f.owner(), "credits", apierr.UserAuthenticationRequired()},
		{"another user", f.client(ids.NewUUID()), f.owner(), "credits", forbidden},
		{"another user's unknown item", f.client(ids.NewUUID()), f.owner(), "gold", forbidden},
		{"team admin", f.client(f.user), domain.Customer{Type: "team", ID: f.team}, "seats", nil},
		{"team member", f.client(member), domain.Customer{Type: "team", ID: f.team}, "seats", apierr.TeamPermissionRequired("", "", "")},
		{"not in the team", f.client(ids.NewUUID()), domain.Customer{Type: "team", ID: f.team}, "seats", apierr.TeamMembershipNotFound("", "")},
		{"no team", f.client(f.user), domain.Customer{Type: "team", ID: "x"}, "seats", apierr.TeamMembershipNotFound("", "")},
		{"custom as client", f.client(f.user), domain.Customer{Type: "custom", ID: "c"}, "units", forbidden},
		{"custom as server", f.server(), domain.Customer{Type: "custom", ID: "c"}, "units", nil},
		{"unknown item", f.server(), f.owner(), "gold", apierr.ItemNotFound("")},
		{"item for others", f.server(), f.owner(), "seats", apierr.ItemCustomerTypeDoesNotMatch("", "", "", "")},
		{"item before customer", f.server(), domain.Customer{Type: "user", ID: "nobody"}, "gold", apierr.ItemNotFound("")},
		{"unknown user", f.server(), domain.Customer{Type: "user", ID: ids.NewUUID()}, "credits", apierr.UserNotFound()},
		{"no user id", f.server(), domain.Customer{Type: "user", ID: "nobody"}, "credits", apierr.UserNotFound()},
		{"unknown team", f.server(), domain.Customer{Type: "team", ID: ids.NewUUID()}, "seats", apierr.TeamNotFound("")},
		{"no request", t.Context(), f.owner(), "credits", apierr.AccessTypeRequired()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			item, err := f.GetItem(tt.ctx, tt.customer, tt.item)
			if tt.want != nil {
				if !errors.Is(err, tt.want) {
					t.Errorf("GetItem = %v, %v; want %v", item, err, tt.want)
				}
				return
			}
			if err != nil || item.ID != tt.item || item.Quantity.Sign() != 0 || item.DisplayName == "" {
				t.Errorf("GetItem = %+v, %v", item, err)
			}
		})
	}
}

// One statement and no question to others, however long the history is.
func TestGetItem_longHistory_costsOneStatement(t *testing.T) {
	f := newFixture(t)
	for range 50 {
		f.add(2)
		f.clock.Advance(time.Hour)
	}
	asked := f.asked
	for name, as := range map[string]context.Context{"client": f.client(f.user), "server": f.server()} {
		ctx, statements := pg.CountQueries(as)
		item, err := f.GetItem(ctx, f.owner(), "credits")
		if err != nil || item.Quantity.String() != "100" {
			t.Fatalf("GetItem = %+v, %v", item, err)
		}
		if statements.Load() != 1 || f.asked != asked {
			t.Errorf("%s: %d statements and %d questions to others, want 1 and 0", name, statements.Load(), f.asked-asked)
		}
	}
}

// The statement finds its two rows by their keys, among however many others, and
// does not look at the ledger.
func TestGetItem_longHistory_readsTwoRowsByKey(t *testing.T) {
	f := newFixture(t)
	f.add(7)
	for _, fill := range []string{
		`INSERT INTO customers (project_id, branch_id, customer_type, customer_id) SELECT 'p', 'main', 'custom', n::text FROM generate_series(1, 5000) n`,
		`INSERT INTO item_accounts (project_id, branch_id, customer_type, customer_id, item_id, balance, state)
			SELECT 'p', 'main', 'custom', n::text, 'units', 1, '{}' FROM generate_series(1, 5000) n`,
		`INSERT INTO item_quantity_changes (project_id, branch_id, id, customer_type, customer_id, item_id, quantity, created_at)
			SELECT 'p', 'main', gen_random_uuid(), 'user', '` + f.user + `', 'credits', 1, now() FROM generate_series(1, 20000) n`,
		`ANALYZE`,
	} {
		if _, err := f.db.Querier(t.Context()).Exec(t.Context(), fill); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("../postgres/queries/items.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, statement, _ := strings.Cut(string(text), "-- name: ItemAccount :one")
	statement, _, _ = strings.Cut(statement, ";")
	plan := ""
	if err := f.db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		answers, err := tx.Conn().PgConn().Exec(ctx, "PREPARE reading AS "+statement+
			"; EXPLAIN (COSTS OFF) EXECUTE reading ('p', 'main', 'user', '"+f.user+"', 'credits')").ReadAll()
		for _, answer := range answers {
			for _, row := range answer.Rows {
				plan += string(row[0]) + "\n"
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if strings.Count(plan, "Index Scan using") != 2 || !strings.Contains(plan, "customers_pkey") || !strings.Contains(plan, "item_accounts_pkey") ||
		strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "item_quantity_changes") {
		t.Errorf("the plan is\n%s", plan)
	}
	f.wantCredits("7")
}

func TestUpdateItemQuantity_secondTime_costsThreeStatements(t *testing.T) {
	f := newFixture(t)
	f.add(5)
	asked := f.asked
	ctx, statements := pg.CountQueries(f.server())
	if err := f.UpdateItemQuantity(ctx, app.ItemQuantityUpdate{Customer: f.owner(), ItemID: "credits", Delta: -1}); err != nil {
		t.Fatal(err)
	}
	if n := statements.Load(); n != 3 || f.asked != asked {
		t.Errorf("%d statements and %d questions to others, want 3 and 0", n, f.asked-asked)
	}
}

func TestUpdateItemQuantity_rules(t *testing.T) {
	f := newFixture(t)
	update := func(delta int64, negative bool, expiresIn time.Duration) error {
		u := app.ItemQuantityUpdate{Customer: f.owner(), ItemID: "credits", Delta: delta, AllowNegative: negative}
		if expiresIn != 0 {
			u.ExpiresAt = new(f.clock.Now().Add(expiresIn))
		}
		return f.UpdateItemQuantity(f.server(), u)
	}
	for i, tt := range []struct {
		delta     int64
		negative  bool
		expiresIn time.Duration
		refused   bool
		want      string
	}{
		{-1, false, 0, true, "0"},
		{0, false, 0, false, "0"},
		{3, false, 0, false, "3"},
		{-3, false, 0, false, "0"},
		{-1, false, 0, true, "0"},
		{-5, true, 0, false, "-5"},
		{4, false, 0, true, "-5"}, // also when it adds
		{5, false, 0, false, "0"},
		{7, false, -time.Hour, false, "0"},
		{7, false, time.Hour, false, "7"},
		{-2, false, time.Minute, false, "5"},
	} {
		err := update(tt.delta, tt.negative, tt.expiresIn)
		switch {
		case tt.refused && !errors.Is(err, apierr.ItemQuantityInsufficientAmount("", "", 0)):
			t.Errorf("%d: %v, want a refusal", i, err)
		case !tt.refused && err != nil:
			t.Errorf("%d: %v", i, err)
		}
		f.wantCredits(tt.want)
	}
	f.clock.Advance(time.Hour)
	f.wantCredits("0")
	if got := len(f.published()); got != 8 {
		t.Errorf("%d events, want one for each of the 8 changes", got)
	}
	if err := update(-9, false, 0); err == nil || err.(*apierr.Error).Details["quantity"] != -9.0 || err.(*apierr.Error).Details["customer_id"] != f.user {
		t.Errorf("the refusal is %v", err)
	}
}

func TestUpdateItemQuantity_errors(t *testing.T) {
	f := newFixture(t)
	for name, tt := range map[string]struct {
		customer domain.Customer
		item     string
		want     error
	}{
		"unknown item":    {f.owner(), "gold", apierr.ItemNotFound("")},
		"item for others": {f.owner(), "units", apierr.ItemCustomerTypeDoesNotMatch("", "", "", "")},
		"unknown user":    {domain.Customer{Type: "user", ID: ids.NewUUID()}, "credits", apierr.UserNotFound()},
		"unknown team":    {domain.Customer{Type: "team", ID: "x"}, "seats", apierr.TeamNotFound("")},
	} {
		err := f.UpdateItemQuantity(f.server(), app.ItemQuantityUpdate{Customer: tt.customer, ItemID: tt.item, Delta: 1})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if n := value[int](f, "SELECT count(*) FROM customers"); n != 0 {
		t.Errorf("%d customers are remembered", n)
	}
}

// Items, customers and projects do not share quantities.
func TestUpdateItemQuantity_elsewhere_isSeparate(t *testing.T) {
	f := newFixture(t)
	f.add(5)
	other := principal.NewContext(t.Context(), principal.Principal{ProjectID: "q", BranchID: "main", Access: principal.AccessServer})
	branch := principal.NewContext(t.Context(), principal.Principal{ProjectID: "p", BranchID: "b", Access: principal.AccessServer})
	friend := ids.NewUUID()
	f.users[friend] = true
	for name, ask := range map[string]struct {
		ctx  context.Context
		user string
	}{"project": {other, f.user}, "branch": {branch, f.user}, "user": {f.server(), friend}} {
		item, err := f.GetItem(ask.ctx, domain.Customer{Type: "user", ID: ask.user}, "credits")
		if err != nil || item.Quantity.Sign() != 0 {
			t.Errorf("another %s has %+v, %v", name, item, err)
		}
	}
}

var errRollback = errors.New("changed my mind")

// R16: 64 workers on two replicas take from 1000 pieces; a fifth of the
// transactions is rolled back after its work was done. What was acknowledged is
// what is gone, and nobody ever sees less than nothing. Without the lock on the
// account pieces are taken twice.
func TestUpdateItemQuantity_manyWorkers_neverOverdraw(t *testing.T) {
	const balance, workers = 1000, 64
	url := pgtest.URL(t, sources...)
	replicas := []*pg.DB{pgtest.Open(t, url, 8), pgtest.Open(t, url, 8)}
	f := newFixtureOn(t, replicas[0])
	apps := []*app.App{f.App, f.replica(replicas[1])}
	f.add(balance)

	var taken, refused, rolledBack atomic.Int64
	var all, watch sync.WaitGroup
	done := make(chan struct{})
	watch.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if item, err := f.GetItem(f.server(), f.owner(), "credits"); err != nil || item.Quantity.Sign() < 0 {
					t.Errorf("somebody sees %+v, %v", item, err)
					return
				}
			}
		}
	})
	for worker := range workers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for range 12 {
				delta := random.Int64N(5) + 1
				update := app.ItemQuantityUpdate{Customer: f.owner(), ItemID: "credits", Delta: -delta}
				abandon := random.IntN(5) == 0
				replica := worker % 2
				err := retry(func() error {
					return replicas[replica].RunTx(f.server(), func(ctx context.Context, _ pgx.Tx) error {
						if err := apps[replica].UpdateItemQuantity(ctx, update); err != nil || !abandon {
							return err
						}
						return errRollback
					})
				})
				switch {
				case err == nil:
					taken.Add(delta)
				case errors.Is(err, errRollback):
					rolledBack.Add(1)
				case errors.Is(err, apierr.ItemQuantityInsufficientAmount("", "", 0)):
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	close(done)
	watch.Wait()
	f.wantCredits(fmt.Sprint(balance - taken.Load()))
	if sum := value[int64](f, "SELECT sum(quantity)::bigint FROM item_quantity_changes"); sum != balance-taken.Load() {
		t.Errorf("the ledger sums up to %d, want %d", sum, balance-taken.Load())
	}
	if stored := value[int64](f, "SELECT balance::bigint FROM item_accounts"); stored != balance-taken.Load() {
		t.Errorf("the account holds %d, want %d", stored, balance-taken.Load())
	}
	if changes, events := value[int](f, "SELECT count(*) FROM item_quantity_changes"), len(f.published()); changes != events {
		t.Errorf("%d entries but %d events", changes, events)
	}
	if refused.Load() == 0 || rolledBack.Load() == 0 {
		t.Errorf("%d refused and %d rolled back; the test proves little", refused.Load(), rolledBack.Load())
	}
}

// retry repeats what was turned away because all connections are in use.
func retry(do func() error) error {
	for {
		if err := do(); !errors.Is(err, apierr.Unavailable(0)) {
			return err
		}
	}
}

func TestUpdateItemQuantity_lastPieceTwice_succeedsOnce(t *testing.T) {
	f := newFixture(t)
	for range 20 {
		f.add(1)
		var won atomic.Int64
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				err := f.UpdateItemQuantity(f.server(), app.ItemQuantityUpdate{Customer: f.owner(), ItemID: "credits", Delta: -1})
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, apierr.ItemQuantityInsufficientAmount("", "", 0)):
					t.Error(err)
				}
			})
		}
		both.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d of 2 took the last piece", won.Load())
		}
	}
}

// The first change of an item is made by many at once.
func TestUpdateItemQuantity_firstChangesInParallel_allCount(t *testing.T) {
	f := newFixture(t)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := retry(func() error {
				return f.UpdateItemQuantity(f.server(), app.ItemQuantityUpdate{Customer: f.owner(), ItemID: "credits", Delta: 1})
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	f.wantCredits("16")
}
