package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/stripe/memory"
)

// subscribe buys a plan at the provider, which tells so.
func (f *fixture) subscribe(stripeID string) {
	f.t.Helper()
	f.checkOut("basic", "monthly", 1)
	f.stripe.Change(stripeID, func(s *app.StripeSubscription) { s.Status = domain.StatusActive })
	f.told("evt_of_"+stripeID, "customer.subscription.created", object{"customer": f.customerID()})
}

func (f *fixture) remove() {
	f.t.Helper()
	if err := f.RemoveCustomer(f.t.Context(), tenant, f.owner()); err != nil {
		f.t.Fatal(err)
	}
}

// endings lists what waits for its end at the provider.
func (f *fixture) endings() []string {
	f.t.Helper()
	return value[[]string](f, `SELECT coalesce(array_agg(account_id || ' ' || stripe_subscription_id || ' ' || attempts
		ORDER BY account_id, stripe_subscription_id), '{}') FROM stripe_endings`)
}

// Nothing is sold or given to users and teams that are gone. Money that comes
// from them all the same is on the books.
func TestRemoveCustomer_isForEver(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	f.checkOut("pack", "once", 1)
	open := f.code("pack")
	f.add(3)
	for range 2 {
		f.remove()
	}
	if _, err := f.GetItem(f.server(), f.owner(), "credits"); !errors.Is(err, apierr.UserNotFound()) {
		t.Errorf("the item of somebody gone: %v", err)
	}
	if err := f.take(f.server()); !errors.Is(err, apierr.UserNotFound()) {
		t.Errorf("somebody gone uses something up: %v", err)
	}
	if _, err := f.grant(named("pack"), 1); !errors.Is(err, apierr.UserNotFound()) {
		t.Errorf("a gift to somebody gone: %v", err)
	}
	notFound := apierr.VerificationCodeNotFound()
	if _, err := f.ValidatePurchaseCode(t.Context(), open, nil); !errors.Is(err, notFound) {
		t.Errorf("the code of somebody gone is shown: %v", err)
	}
	if _, err := f.CreatePurchaseSession(t.Context(), choose(open, "once", 1)); !errors.Is(err, notFound) || len(f.stripe.Payments) != 1 {
		t.Errorf("the code of somebody gone is paid for: %v", err)
	}
	f.told("evt_1", "payment_intent.succeeded", f.paid(0))
	if n := value[int](f, "SELECT count(*) FROM one_time_purchases"); n != 1 {
		t.Errorf("%d purchases are on the books, want the one that was paid for", n)
	}
	if got := f.mails(); len(got) != 0 {
		t.Errorf("somebody gone gets %v", got)
	}
}

// Who is deleted while they begin to pay does not learn how to.
func TestRemoveCustomer_whilePaymentBegins_paysNothing(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	full := f.code("pack")
	f.stripe.AfterBeginning = f.remove
	if secret, err := f.CreatePurchaseSession(t.Context(), choose(full, "once", 1)); !errors.Is(err, apierr.VerificationCodeNotFound()) || secret != nil {
		t.Errorf("CreatePurchaseSession = %v, %v", secret, err)
	}
}

// What somebody gone has subscribed to ends: here at once, at the provider as
// soon as it can be reached.
func TestRemoveCustomer_subscriptions_end(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	f.subscribe("sub_1")
	if _, err := f.grant(named("free"), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := f.grant(named("pack"), 1); err != nil {
		t.Fatal(err)
	}
	before := len(f.published())
	if err := f.db.RunTx(t.Context(), func(ctx context.Context, _ pgx.Tx) error {
		return errors.Join(f.RemoveCustomer(ctx, tenant, f.owner()), errRollback)
	}); !errors.Is(err, errRollback) || len(f.endings()) != 0 {
		t.Fatalf("rolled back: %v, %v", err, f.endings())
	}
	for range 3 {
		f.remove()
	}
	if got, want := f.published()[before:], []string{"payments.v1.subscription.changed.p"}; !slices.Equal(got, want) {
		t.Errorf("published %v, want %v", got, want)
	}
	state := `SELECT status || ' ' || (ended_at IS NOT NULL) FROM subscriptions WHERE product_id = $1`
	if got := value[string](f, state, "free"); got != "canceled true" {
		t.Errorf("the free subscription is %s", got)
	}
	if got := f.endings(); !slices.Equal(got, []string{"acct_1 sub_1 0"}) || len(f.stripe.Canceled) != 0 {
		t.Fatalf("ends later %v, ended %v", got, f.stripe.Canceled)
	}

	f.stripe.Broken = errors.New("away")
	for range 2 { // the second comes before it is due
		_ = f.EndSubscriptions(t.Context())
	}
	if got := f.endings(); !slices.Equal(got, []string{"acct_1 sub_1 1"}) || len(f.stripe.Canceled) != 0 {
		t.Errorf("while the provider is away, ends later %v, ended %v", got, f.stripe.Canceled)
	}
	f.stripe.Broken = nil
	if err := f.EndSubscriptions(t.Context()); err != nil || len(f.stripe.Canceled) != 0 {
		t.Errorf("before it is due: %v, %v", f.stripe.Canceled, err)
	}
	value[int](f, "WITH due AS (UPDATE stripe_endings SET next_attempt_at = now() RETURNING 1) SELECT count(*) FROM due")
	for range 2 {
		if err := f.EndSubscriptions(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if got := f.stripe.Canceled; !slices.Equal(got, []string{"sub_1"}) || len(f.endings()) != 0 {
		t.Errorf("ended %v, ends later %v", got, f.endings())
	}
	f.told("evt_2", "customer.subscription.deleted", object{"customer": f.customerID()})
	if got := value[string](f, state, "basic"); got != "canceled true" {
		t.Errorf("the plan is %s", got)
	}
	f.remove()
	if got := f.endings(); len(got) != 0 {
		t.Errorf("what has ended ends again: %v", got)
	}
}

// A subscription that is paid for at the last moment ends when the provider
// tells of it.
func TestRemoveCustomer_beforeTheProviderTells_ends(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	f.checkOut("basic", "monthly", 1)
	customer := object{"customer": f.customerID()}
	f.remove()
	f.stripe.Change("sub_1", func(s *app.StripeSubscription) { s.Status = domain.StatusActive })
	f.told("evt_1", "customer.subscription.created", customer)
	if err := f.EndSubscriptions(t.Context()); err != nil || !slices.Equal(f.stripe.Canceled, []string{"sub_1"}) {
		t.Errorf("ended %v, %v", f.stripe.Canceled, err)
	}
	f.told("evt_2", "customer.subscription.deleted", customer)
	if got := value[string](f, "SELECT status FROM subscriptions"); got != "canceled" || len(f.endings()) != 0 {
		t.Errorf("the plan is %s, ends later %v", got, f.endings())
	}
}

// A deleted project ends everything that is paid for on its account, known or
// not; what the provider tells of it afterwards is nobody's.
func TestPurgeProject_subscriptions_end(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	f.subscribe("sub_1")
	f.checkOut("pro", "monthly", 1) // updates the first
	f.stripe.Change("sub_1", func(s *app.StripeSubscription) { s.Status = domain.StatusPastDue })
	f.user = "0e5ac2a4-75f0-4d6e-9c30-5b0f6a9f9a3f"
	f.users[f.user] = true
	f.checkOut("basic", "monthly", 1) // nobody has told of this one
	customer := object{"customer": f.customerID()}
	if err := f.PurgeProject(t.Context(), tenant.ProjectID); err != nil {
		t.Fatal(err)
	}
	if got := f.endings(); !slices.Equal(got, []string{"acct_1  0"}) {
		t.Fatalf("ends later %v", got)
	}
	if err := f.EndSubscriptions(t.Context()); err != nil || !slices.Equal(f.stripe.Canceled, []string{"sub_1", "sub_2"}) || len(f.endings()) != 0 {
		t.Errorf("ended %v, ends later %v, %v", f.stripe.Canceled, f.endings(), err)
	}
	if err := f.tell("evt_2", "customer.subscription.deleted", customer); err != nil {
		t.Errorf("told of a project that is gone: %v", err)
	}
	if n := value[int](f, "SELECT (SELECT count(*) FROM subscriptions) + (SELECT count(*) FROM stripe_readings)"); n != 0 {
		t.Errorf("%d rows of a project that is gone", n)
	}
}

// Replicas share the work: each subscription is told to end once. Without the
// leases every replica ends all of them.
func TestEndSubscriptions_replicas_shareTheWork(t *testing.T) {
	url := pgtest.URL(t, sources...)
	replicas := []*pg.DB{pgtest.Open(t, url, 2), pgtest.Open(t, url, 2), pgtest.Open(t, url, 2)}
	f := newFixtureOn(t, replicas[0])
	f.stripe = memory.New(f.clock)
	f.App = f.replica(f.db)
	f.setUp()
	const many = 40
	for i := range many {
		f.user = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		f.users[f.user] = true
		f.subscribe(fmt.Sprint("sub_", i+1))
		f.remove()
	}
	var all sync.WaitGroup
	for _, db := range replicas {
		replica := f.replica(db)
		all.Go(func() {
			if err := retry(func() error { return replica.EndSubscriptions(t.Context()) }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	ended := slices.Compact(slices.Sorted(slices.Values(f.stripe.Canceled)))
	if len(ended) != many || len(f.stripe.Canceled) != many || len(f.endings()) != 0 {
		t.Errorf("%d calls ended %d subscriptions, %d are left", len(f.stripe.Canceled), len(ended), len(f.endings()))
	}
}
