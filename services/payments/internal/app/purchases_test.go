package app_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/events"
	"vestibule.dev/services/payments/internal/postgres"
)

var badRequest, forbidden = apierr.Text(400, "-"), apierr.Text(403, "-")

func named(productID string) app.ProductRef { return app.ProductRef{ID: &productID} }

// code makes a purchase code for a product of the catalogue.
func (f *fixture) code(productID string) string {
	f.t.Helper()
	return f.codeFor(named(productID))
}

func (f *fixture) codeFor(product app.ProductRef) string {
	f.t.Helper()
	address, err := f.CreatePurchaseURL(f.server(), app.NewPurchaseURL{Customer: f.owner(), Product: product})
	if err != nil {
		f.t.Fatal(err)
	}
	return address[strings.LastIndex(address, "/")+1:]
}

func choose(fullCode, priceID string, quantity int64) app.PurchaseChoice {
	return app.PurchaseChoice{FullCode: fullCode, PriceID: priceID, Quantity: quantity}
}

// buy settles a purchase in test mode.
func (f *fixture) buy(productID, priceID string, quantity int64) {
	f.t.Helper()
	if err := f.CreateTestModePurchase(f.t.Context(), choose(f.code(productID), priceID, quantity)); err != nil {
		f.t.Fatal(err)
	}
}

func TestCreatePurchaseURL_errorsInOrder(t *testing.T) {
	f := newFixture(t)
	f.buy("basic", "monthly", 1)
	owner, inline := f.owner(), app.ProductRef{Inline: &domain.Product{CustomerType: "user"}}
	team := domain.Customer{Type: "team", ID: f.team}
	for _, tt := range []struct {
		name     string
		ctx      context.Context
		customer domain.Customer
		product  app.ProductRef
		url      string
		want     error
	}{
		{"client", f.client(f.user), owner, named("pack"), "", nil},
		{"localhost", f.client(f.user), owner, named("pack"), "http://localhost:3000/done?a=b", nil},
		{"inline as server", f.server(), owner, inline, "", nil},
		{"hidden as server", f.server(), owner, named("hidden"), "https://app.example.com/", nil},
		{"nobody", f.client(""), owner, named("pack"), "", apierr.UserAuthenticationRequired()},
		{"another user", f.client(ids.NewUUID()), owner, named("pack"), "", forbidden},
		{"custom as client", f.client(f.user), domain.Customer{Type: "custom", ID: "c"}, named("pack"), "", forbidden},
		{"both", f.server(), owner, app.ProductRef{ID: new("pack"), Inline: inline.Inline}, "", badRequest},
		{"inline as client", f.client(f.user), owner, inline, "", badRequest},
		{"neither", f.server(), owner, app.ProductRef{}, "", badRequest},
		{"unknown", f.server(), owner, named("gold"), "", apierr.ProductDoesNotExist("", "")},
		{"item", f.server(), owner, named("credits"), "", apierr.ProductDoesNotExist("", "")},
		{"hidden", f.client(f.user), owner, named("hidden"), "", apierr.ProductDoesNotExist("", "")},
		{"malformed", f.server(), owner, named("typo"), "", badRequest},
		{"for teams", f.server(), owner, named("office"), "", apierr.ProductCustomerTypeDoesNotMatch("", "", "", "")},
		{"for users", f.server(), team, inline, "", apierr.ProductCustomerTypeDoesNotMatch("", "", "", "")},
		{"owned", f.server(), owner, named("basic"), "https://evil.example.com", apierr.ProductAlreadyGranted("", "")},
		{"untrusted URL", f.server(), owner, named("pack"), "https://evil.example.com", apierr.RedirectURLNotWhitelisted("")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := app.NewPurchaseURL{Customer: tt.customer, Product: tt.product}
			if tt.url != "" {
				in.ReturnURL = &tt.url
			}
			before := value[int](f, "SELECT count(*) FROM one_time_codes")
			got, err := f.CreatePurchaseURL(tt.ctx, in)
			if tt.want != nil {
				if !errors.Is(err, tt.want) || value[int](f, "SELECT count(*) FROM one_time_codes") != before {
					t.Errorf("CreatePurchaseURL = %s, %v; want %v and no code", got, err, tt.want)
				}
				return
			}
			parsed, parseErr := url.Parse(got)
			if err != nil || parseErr != nil || parsed.Host != "pay.example.com" || parsed.Query().Get("return_url") != tt.url {
				t.Errorf("CreatePurchaseURL = %s, %v", got, err)
			}
		})
	}
	_, err := f.CreatePurchaseURL(f.client(f.user), app.NewPurchaseURL{Customer: owner, Product: named("credits")})
	if known, ok := errors.AsType[*apierr.Error](err); !ok || known.Details["context"] != apierr.ContextItemExists {
		t.Errorf("the refusal of an item is %v", err)
	}
	f.configure(`"testMode": true`, `"testMode": false`)
	if _, err := f.CreatePurchaseURL(f.server(), app.NewPurchaseURL{Customer: owner, Product: named("pack")}); !errors.Is(err, badRequest) {
		t.Errorf("without payment provider: %v", err)
	}
	f.configure(`"blockNewPurchases": false`, `"blockNewPurchases": true`)
	if _, err := f.CreatePurchaseURL(f.client(""), app.NewPurchaseURL{Customer: owner, Product: named("pack")}); !errors.Is(err, apierr.NewPurchasesBlocked()) {
		t.Errorf("while blocked: %v", err)
	}
}

// The whole way in test mode (checklist Y4).
func TestPurchase_testMode_grantsOnce(t *testing.T) {
	f := newFixture(t)
	full := f.code("pack")
	tenancy, text, _ := strings.Cut(full, "_")
	if !ids.ValidUUID(tenancy) || len(text) != 45 {
		t.Fatalf("the code is %s", full)
	}
	f.configure(`"USD": "2.50"`, `"USD": "99"`) // does not affect the code
	overview, err := f.ValidatePurchaseCode(t.Context(), full, new("https://app.example.com/x"))
	if err != nil || overview.AlreadyOwned || len(overview.Conflicts) != 0 || overview.Product.Prices.ByID[0].Value.Amounts[0].Text != "2.50" {
		t.Fatalf("ValidatePurchaseCode = %+v, %v", overview, err)
	}
	for range 25 { // a page that is reloaded does not use the code up
		if _, err := f.ValidatePurchaseCode(t.Context(), full, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.CreateTestModePurchase(t.Context(), choose(full, "once", 3)); err != nil {
		t.Fatal(err)
	}
	f.wantCredits("30")
	notFound := apierr.VerificationCodeNotFound()
	if err := f.CreateTestModePurchase(t.Context(), choose(full, "once", 3)); !errors.Is(err, notFound) {
		t.Errorf("a second settlement: %v", err)
	}
	if _, err := f.ValidatePurchaseCode(t.Context(), full, nil); !errors.Is(err, notFound) {
		t.Errorf("validation of a spent code: %v", err)
	}
	if err := f.CheckReturnURL(t.Context(), full, new("http://localhost:1/")); err != nil {
		t.Errorf("the return URL of a spent code: %v", err)
	}
	if err := f.CheckReturnURL(t.Context(), full, new("https://evil.example.com")); !errors.Is(err, apierr.RedirectURLNotWhitelisted("")) {
		t.Errorf("an untrusted return URL: %v", err)
	}
	f.wantCredits("30")
	if got := f.published(); !slices.Equal(got, []string{"payments.v1.purchase.completed.p"}) {
		t.Errorf("published %v", got)
	}
}

func TestPurchaseCode_malformedOrForeign_isNotFound(t *testing.T) {
	f := newFixture(t)
	full := f.code("pack")
	tenancy, text, _ := strings.Cut(full, "_")
	for name, code := range map[string]string{
		"empty": "", "no tenancy": text, "no code": tenancy + "_", "two parts more": full + "_x", "upper case": strings.ToUpper(full),
		"unknown tenancy": ids.NewUUID() + "_" + text, "unknown code": tenancy + "_" + ids.Secret(), "no UUID": "x_" + text,
	} {
		if got, err := f.ValidatePurchaseCode(t.Context(), code, nil); !errors.Is(err, apierr.VerificationCodeNotFound()) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for range 20 {
		_, _ = f.ValidatePurchaseCode(t.Context(), tenancy+"_zzzzzz"+text[6:], nil)
	}
	if _, err := f.ValidatePurchaseCode(t.Context(), full, nil); !errors.Is(err, apierr.VerificationCodeMaxAttemptsReached()) {
		t.Errorf("after twenty guesses: %v", err)
	}
	late := f.code("pack")
	if _, err := f.db.Querier(t.Context()).Exec(t.Context(), "UPDATE one_time_codes SET expires_at = now()"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ValidatePurchaseCode(t.Context(), late, nil); !errors.Is(err, apierr.VerificationCodeNotFound()) {
		t.Errorf("an expired code: %v", err)
	}
}

func TestPurchase_refused_leavesTheCode(t *testing.T) {
	f := newFixture(t)
	first, second, free := f.code("basic"), f.code("basic"), f.code("free")
	settle := func(full, priceID string, quantity int64) error {
		return f.CreateTestModePurchase(t.Context(), choose(full, priceID, quantity))
	}
	if err := settle(first, "weekly", 1); !errors.Is(err, badRequest) {
		t.Errorf("an unknown price: %v", err)
	}
	if err := settle(first, "monthly", 2); !errors.Is(err, badRequest) {
		t.Errorf("two of what cannot be stacked: %v", err)
	}
	if err := settle(first, "monthly", 1); err != nil {
		t.Errorf("the code was spent by a refusal: %v", err)
	}
	if err := settle(second, "monthly", 1); !errors.Is(err, apierr.ProductAlreadyGranted("", "")) {
		t.Errorf("what is owned: %v", err)
	}
	if overview, err := f.ValidatePurchaseCode(t.Context(), second, nil); err != nil || !overview.AlreadyOwned {
		t.Errorf("ValidatePurchaseCode = %+v, %v", overview, err)
	}
	f.configure(`"testMode": true`, `"testMode": false`)
	if err := settle(free, "once", 1); !errors.Is(err, forbidden) {
		t.Errorf("outside test mode: %v", err)
	}
	if _, err := f.CreatePurchaseSession(t.Context(), choose(free, "once", 1)); !errors.Is(err, badRequest) {
		t.Errorf("nothing to pay once: %v", err)
	}
	if _, err := f.CreatePurchaseSession(t.Context(), choose(second, "monthly", 1)); !errors.Is(err, badRequest) {
		t.Errorf("something to pay without provider: %v", err)
	}
	if _, err := f.CreatePurchaseSession(t.Context(), choose(free, "monthly", 1)); err != nil {
		t.Errorf("a free subscription: %v", err)
	}
	f.configure(`"blockNewPurchases": false`, `"blockNewPurchases": true`)
	for name, attempt := range map[string]func() error{
		"settle":  func() error { return settle(second, "monthly", 1) },
		"session": func() error { _, err := f.CreatePurchaseSession(t.Context(), choose(second, "monthly", 1)); return err },
	} {
		if err := attempt(); !errors.Is(err, apierr.NewPurchasesBlocked()) {
			t.Errorf("%s while blocked: %v", name, err)
		}
	}
	f.wantCredits("103")
}

// Checklist Y6: the new plan replaces the old one, whose items are gone at once.
func TestPurchase_sameLine_replacesTheSubscription(t *testing.T) {
	f := newFixture(t)
	f.buy("basic", "monthly", 1)
	f.clock.Advance(4 * 24 * time.Hour)
	f.add(-60)
	f.wantCredits("40")
	f.clock.Advance(5 * 24 * time.Hour)
	full := f.code("pro")
	overview, err := f.ValidatePurchaseCode(t.Context(), full, nil)
	if err != nil || len(overview.Conflicts) != 1 || overview.Conflicts[0].Key() != "basic" {
		t.Fatalf("ValidatePurchaseCode = %+v, %v", overview, err)
	}
	if err := f.CreateTestModePurchase(t.Context(), choose(full, "monthly", 1)); err != nil {
		t.Fatal(err)
	}
	f.wantCredits("500")
	f.clock.Advance(30 * 24 * time.Hour)
	f.wantCredits("500")
	ended := value[string](f, "SELECT status || ' ' || (ended_at = canceled_at) || ' ' || cancel_at_period_end FROM subscriptions WHERE product_id = 'basic'")
	if ended != "canceled true true" {
		t.Errorf("the old subscription is %s", ended)
	}
	period := value[string](f, "SELECT to_char(current_period_end AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM subscriptions WHERE product_id = 'basic'")
	if period != "2025-03-03" {
		t.Errorf("the billing period ended on %s, want by calendar", period)
	}
	if got := f.published(); len(got) != 4 || got[2] != "payments.v1.subscription.changed.p" {
		t.Errorf("published %v", got)
	}
	// What the account holds is what everything that happened folds to.
	f.wantRefolded()
}

// wantRefolded compares every account with the fold of the whole history.
func (f *fixture) wantRefolded() {
	f.t.Helper()
	kept := f.credits()
	store := postgres.NewStore(f.db, nil, nil, events.Encode)
	holdings, err := store.Holdings(f.t.Context(), tenant, f.owner())
	if err != nil {
		f.t.Fatal(err)
	}
	var changes []domain.Change
	if err := store.RunTx(f.t.Context(), func(ctx context.Context, tx app.Tx) (err error) {
		changes, err = tx.ItemQuantityChanges(ctx, app.ItemKey{Tenant: tenant, Customer: f.owner(), ItemID: "credits"})
		return err
	}); err != nil {
		f.t.Fatal(err)
	}
	folded := domain.Fold(holdings.Streams("credits"), changes, f.clock.Now().Add(time.Second))
	if got := folded.Balance().String(); got != kept {
		f.t.Errorf("the account holds %s, the history says %s", kept, got)
	}
}

// Checklist Y7: a line owned for good cannot be bought into.
func TestPurchase_lineOwnedOnce_isRefused(t *testing.T) {
	f := newFixture(t)
	pro := f.code("pro")
	f.buy("lifetime", "once", 1)
	if err := f.CreateTestModePurchase(t.Context(), choose(pro, "monthly", 1)); !errors.Is(err, badRequest) {
		t.Errorf("a plan beside a one-time purchase: %v", err)
	}
}

// Checklist Y8: an add-on needs its base and leaves it alone.
func TestPurchase_addOn_needsItsBase(t *testing.T) {
	f := newFixture(t)
	boost := f.code("boost")
	if err := f.CreateTestModePurchase(t.Context(), choose(boost, "once", 1)); !errors.Is(err, badRequest) {
		t.Errorf("an add-on alone: %v", err)
	}
	f.buy("basic", "monthly", 1)
	if err := f.CreateTestModePurchase(t.Context(), choose(boost, "once", 1)); err != nil {
		t.Errorf("an add-on with its base: %v", err)
	}
	f.wantCredits("107")
}

func TestPurchase_stackable_addsUp(t *testing.T) {
	f := newFixture(t)
	f.buy("pack", "once", 2)
	f.buy("pack", "once", 3)
	f.wantCredits("50")
	f.add(-5)
	f.wantCredits("45")
	f.wantRefolded()
}

// A product without prices leaves no trace.
func TestPurchase_withoutPrice_leavesNothing(t *testing.T) {
	f := newFixture(t)
	full := f.code("old")
	if err := f.CreateTestModePurchase(t.Context(), choose(full, "any", 1)); !errors.Is(err, badRequest) {
		t.Errorf("a price of a product without prices: %v", err)
	}
}

// races is how often people race for a code; the claim of docs/reliability.md is
// about a thousand.
var races = flag.Int("races", 6, "how often people race for a purchase code")

// R10: of 64 that use a code at the same time on two replicas, one buys.
// Without the check that the code is unspent several do.
func TestPurchase_parallel_buysOnce(t *testing.T) {
	const parallel = 64
	url := pgtest.URL(t, sources...)
	replicas := []*pg.DB{pgtest.Open(t, url, 8), pgtest.Open(t, url, 8)}
	f := newFixtureOn(t, replicas[0])
	apps := []*app.App{f.App, f.replica(replicas[1])}
	for round := range *races {
		full := f.code("pack")
		var won, lost atomic.Int64
		var all sync.WaitGroup
		for i := range parallel {
			all.Go(func() {
				err := retry(func() error { return apps[i%2].CreateTestModePurchase(t.Context(), choose(full, "once", 1)) })
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, apierr.VerificationCodeNotFound()):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || lost.Load() != parallel-1 {
			t.Fatalf("%d won and %d lost, want 1 and %d", won.Load(), lost.Load(), parallel-1)
		}
		f.wantCredits(fmt.Sprint((round + 1) * 10))
	}
}

// Two codes for what can be owned once, used at the same time: one buys.
// Without the lock on the customer both do.
func TestPurchase_twoCodesInParallel_buyOnce(t *testing.T) {
	f := newFixture(t)
	codes := make([]string, 8)
	for i := range codes {
		codes[i] = f.code([]string{"basic", "pro"}[i%2])
	}
	var all sync.WaitGroup
	for _, full := range codes {
		all.Go(func() {
			err := retry(func() error { return f.CreateTestModePurchase(t.Context(), choose(full, "monthly", 1)) })
			if err != nil && !errors.Is(err, apierr.ProductAlreadyGranted("", "")) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := value[int](f, "SELECT count(*) FROM subscriptions WHERE ended_at IS NULL"); n != 1 {
		t.Errorf("%d plans of one line are owned", n)
	}
	f.wantRefolded()
}

// Purchases and changes by hand at the same time lose nothing.
func TestPurchase_besideChanges_losesNothing(t *testing.T) {
	f := newFixture(t)
	codes := make([]string, 6)
	for i := range codes {
		codes[i] = f.code("pack")
	}
	var all sync.WaitGroup
	for _, full := range codes {
		all.Go(func() {
			if err := retry(func() error { return f.CreateTestModePurchase(t.Context(), choose(full, "once", 1)) }); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if err := retry(func() error {
				return f.UpdateItemQuantity(f.server(), app.ItemQuantityUpdate{Customer: f.owner(), ItemID: "credits", Delta: -3, AllowNegative: true})
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	f.wantCredits(fmt.Sprint(6*10 - 6*3))
	f.wantRefolded()
}
