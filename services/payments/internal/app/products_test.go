package app_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
)

func (f *fixture) grant(product app.ProductRef, quantity int64) (subscriptionID string, err error) {
	return f.GrantProduct(f.server(), app.ProductGrant{Customer: f.owner(), Product: product, Quantity: quantity})
}

func (f *fixture) products(ctx context.Context) []app.OwnedProduct {
	f.t.Helper()
	page, next, err := f.ListProducts(ctx, f.owner(), "", 100)
	if err != nil || next != "" {
		f.t.Fatalf("ListProducts = %v, %q, %v", page, next, err)
	}
	return page
}

// keys names what a customer owns.
func keys(page []app.OwnedProduct) []string {
	var all []string
	for i := range page {
		all = append(all, page[i].Key())
	}
	return all
}

func inlineProduct(name string) app.ProductRef {
	return app.ProductRef{Inline: &domain.Product{DisplayName: name, CustomerType: "user", Prices: domain.Prices{ByID: domain.Record[domain.Price]{
		{ID: "once", Value: domain.Price{Amounts: []domain.Amount{{Currency: domain.USD, Text: "1"}}}},
	}}, IncludedItems: domain.Record[domain.IncludedItem]{
		{ID: "credits", Value: domain.IncludedItem{Quantity: domain.Int(2), Expires: domain.ExpiresNever}},
	}}}
}

func TestListProducts_showsWhatIsOwned(t *testing.T) {
	f := newFixture(t)
	if got := f.products(f.client(f.user)); len(got) != 0 {
		t.Errorf("a new customer owns %v", keys(got))
	}
	subscriptionID, err := f.grant(named("basic"), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, product := range []app.ProductRef{named("pack"), named("hidden"), inlineProduct("One"), inlineProduct("Two")} {
		if id, err := f.grant(product, 1); err != nil || id != "" {
			t.Fatalf("GrantProduct = %q, %v", id, err)
		}
	}
	if got := keys(f.products(f.client(f.user))); !slices.Equal(got, []string{"basic", "pack", "__null__"}) {
		t.Errorf("a client sees %v", got)
	}
	page := f.products(f.server())
	if got := keys(page); !slices.Equal(got, []string{"basic", "hidden", "pack", "__null__"}) {
		t.Fatalf("a server sees %v", got)
	}
	basic, pack, inline := page[0], page[2], page[3]
	if basic.Subscription == nil || basic.Subscription.ID != subscriptionID || !basic.InLine || basic.Subscription.PriceID != nil ||
		!basic.Subscription.PeriodEnd.Equal(time.Date(2025, 3, 3, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("the subscription is %+v", basic.Subscription)
	}
	var options []string
	for _, option := range basic.Options {
		options = append(options, option.ID)
		for _, price := range option.Value.Prices.ByID {
			if price.Value.Interval == nil {
				t.Errorf("the option %s has the one-time price %s", option.ID, price.ID)
			}
		}
	}
	if !slices.Equal(options, []string{"pro"}) { // lifetime is no subscription and boost an add-on
		t.Errorf("the subscription can be switched to %v", options)
	}
	if pack.Subscription != nil || pack.InLine || pack.Quantity != 1 {
		t.Errorf("the pack is %+v", pack)
	}
	if inline.ProductID != nil || inline.Quantity != 2 || inline.Product.DisplayName != "Two" {
		t.Errorf("the inline products are %+v", inline)
	}
}

func TestListProducts_pages(t *testing.T) {
	f := newFixture(t)
	for _, product := range []app.ProductRef{named("basic"), named("pack"), inlineProduct("One")} {
		if _, err := f.grant(product, 1); err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	cursor := ""
	for range 3 {
		page, next, err := f.ListProducts(f.server(), f.owner(), cursor, 1)
		if err != nil {
			t.Fatal(err)
		}
		all, cursor = append(all, keys(page)...), next
	}
	if !slices.Equal(all, []string{"basic", "pack", "__null__"}) || cursor != "" {
		t.Errorf("the pages hold %v and go on at %q", all, cursor)
	}
	if _, _, err := f.ListProducts(f.server(), f.owner(), "gold", 1); !errors.Is(err, badRequest) {
		t.Errorf("an unknown cursor: %v", err)
	}
}

func TestProducts_whoMay(t *testing.T) {
	f := newFixture(t)
	member := ids.NewUUID()
	f.members[f.team+"/"+member] = []string{"team_member"}
	team := domain.Customer{Type: "team", ID: f.team}
	for _, tt := range []struct {
		name     string
		ctx      context.Context
		customer domain.Customer
		want     error
	}{
		{"own user", f.client(f.user), f.owner(), nil},
		{"nobody", f.client(""), f.owner(), apierr.UserAuthenticationRequired()},
		{"another user", f.client(ids.NewUUID()), f.owner(), forbidden},
		{"team admin", f.client(f.user), team, nil},
		{"team member", f.client(member), team, apierr.TeamPermissionRequired("", "", "")},
		{"not in the team", f.client(ids.NewUUID()), team, apierr.TeamMembershipNotFound("", "")},
		{"custom as client", f.client(f.user), domain.Customer{Type: "custom", ID: "c"}, forbidden},
		{"custom as server", f.server(), domain.Customer{Type: "custom", ID: "c"}, nil},
		{"unknown user", f.server(), domain.Customer{Type: "user", ID: ids.NewUUID()}, apierr.UserNotFound()},
		{"unknown team", f.server(), domain.Customer{Type: "team", ID: "x"}, apierr.TeamNotFound("")},
	} {
		if _, _, err := f.ListProducts(tt.ctx, tt.customer, "", 10); !errors.Is(err, tt.want) {
			t.Errorf("%s lists: %v, want %v", tt.name, err, tt.want)
		}
		// There is nothing to cancel, which only those hear who may.
		want := tt.want
		if want == nil {
			want = badRequest
		}
		if err := f.CancelProduct(tt.ctx, tt.customer, "-", new(ids.NewUUID())); !errors.Is(err, want) {
			t.Errorf("%s cancels: %v, want %v", tt.name, err, want)
		}
	}
}

func TestGrantProduct_errorsInOrder(t *testing.T) {
	f := newFixture(t)
	if _, err := f.grant(named("basic"), 1); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		customer domain.Customer
		product  app.ProductRef
		quantity int64
		want     error
	}{
		{"unknown user before product", domain.Customer{Type: "user", ID: ids.NewUUID()}, named("gold"), 1, apierr.UserNotFound()},
		{"both", f.owner(), app.ProductRef{ID: new("pack"), Inline: inlineProduct("One").Inline}, 1, badRequest},
		{"neither", f.owner(), app.ProductRef{}, 1, badRequest},
		{"unknown", f.owner(), named("gold"), 1, apierr.ProductDoesNotExist("", "")},
		{"for teams", f.owner(), named("office"), 2, apierr.ProductCustomerTypeDoesNotMatch("", "", "", "")},
		{"two", f.owner(), named("pro"), 2, badRequest},
		{"owned", f.owner(), named("basic"), 1, apierr.ProductAlreadyGranted("", "")},
		{"two inline", f.owner(), inlineProduct("One"), 2, badRequest},
	} {
		_, err := f.GrantProduct(f.server(), app.ProductGrant{Customer: tt.customer, Product: tt.product, Quantity: tt.quantity})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	f.configure(`"blockNewPurchases": false`, `"blockNewPurchases": true`)
	if _, err := f.grant(named("pack"), 3); err != nil {
		t.Errorf("while new purchases are blocked: %v", err)
	}
	f.wantCredits("130")
}

func TestCancelProduct_lastsUntilThePeriodEnds(t *testing.T) {
	f := newFixture(t)
	f.buy("basic", "monthly", 1)
	f.wantCredits("100")
	if err := f.CancelProduct(f.client(f.user), f.owner(), "basic", nil); err != nil {
		t.Fatal(err)
	}
	page := f.products(f.client(f.user))
	if len(page) != 1 || page[0].Subscription != nil {
		t.Errorf("a cancelled product is %+v", page)
	}
	if err := f.CancelProduct(f.client(f.user), f.owner(), "basic", nil); !errors.Is(err, badRequest) {
		t.Errorf("cancelled twice: %v", err)
	}
	f.clock.Advance(30 * 24 * time.Hour)
	f.wantCredits("100") // granted anew
	f.clock.Advance(24 * time.Hour)
	f.wantCredits("0") // one month on the calendar is over
	if got := f.products(f.server()); len(got) != 0 {
		t.Errorf("after the end the customer owns %v", keys(got))
	}
	if err := f.CancelProduct(f.client(f.user), f.owner(), "basic", nil); !errors.Is(err, badRequest) {
		t.Errorf("cancelled what is not owned: %v", err)
	}
	f.wantRefolded()
	if got := f.published(); !slices.Equal(got, []string{"payments.v1.purchase.completed.p", "payments.v1.subscription.changed.p"}) {
		t.Errorf("published %v", got)
	}
}

// A local subscription is never renewed. What it gave since its period ended is
// not withdrawn.
func TestCancelProduct_longAfterThePeriod_endsNow(t *testing.T) {
	f := newFixture(t)
	f.buy("basic", "monthly", 1)
	f.clock.Advance(100 * 24 * time.Hour)
	f.add(-30)
	f.wantCredits("70")
	if err := f.CancelProduct(f.server(), f.owner(), "basic", nil); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(time.Second)
	f.wantCredits("0")
	f.wantRefolded()
}

func TestCancelProduct_errors(t *testing.T) {
	f := newFixture(t)
	f.buy("pack", "once", 1)
	inline := inlineProduct("Plan")
	inline.Inline.Prices.ByID[0].Value.Interval = &domain.Interval{Count: 1, Unit: "month"}
	subscriptionID, err := f.grant(inline, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		ctx     context.Context
		product string
		want    error
	}{
		"unknown":     {f.client(f.user), "gold", apierr.ProductDoesNotExist("", "")},
		"hidden":      {f.client(f.user), "hidden", apierr.ProductDoesNotExist("", "")},
		"for teams":   {f.client(f.user), "office", apierr.ProductCustomerTypeDoesNotMatch("", "", "", "")},
		"not owned":   {f.client(f.user), "basic", badRequest},
		"bought once": {f.client(f.user), "pack", badRequest},
	} {
		if err := f.CancelProduct(tt.ctx, f.owner(), tt.product, nil); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	friend := ids.NewUUID()
	f.users[friend] = true
	if err := f.CancelProduct(f.client(friend), domain.Customer{Type: "user", ID: friend}, "x", &subscriptionID); !errors.Is(err, badRequest) {
		t.Errorf("somebody else's subscription: %v", err)
	}
	if err := f.CancelProduct(f.client(f.user), f.owner(), "whatever", &subscriptionID); err != nil {
		t.Errorf("an inline product by its subscription: %v", err)
	}
}

func TestCancelProduct_parallel_cancelsOnce(t *testing.T) {
	f := newFixture(t)
	f.buy("basic", "monthly", 1)
	var canceled atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			switch err := retry(func() error { return f.CancelProduct(f.server(), f.owner(), "basic", nil) }); {
			case err == nil:
				canceled.Add(1)
			case !errors.Is(err, badRequest):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := len(f.published()); canceled.Load() != 1 || got != 2 {
		t.Errorf("cancelled %d times with %d events", canceled.Load(), got)
	}
}
