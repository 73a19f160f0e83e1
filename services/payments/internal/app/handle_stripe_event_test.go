package app_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/stripe/memory"
)

// Y10: told twice, at once and in parallel, a purchase is entered once.
func TestHandleStripeEvent_payment_isEnteredOnce(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	f.checkOut("pack", "once", 3)
	if got := f.stripe.Payments[0]; got.Amount != 750 || got.Fee != 18 || got.Metadata["purchaseQuantity"] != "3" {
		t.Errorf("the payment is %+v", got)
	}
	f.wantCredits("0")
	failed := f.paid(0)
	failed["last_payment_error"] = object{"message": "Your card was declined."}
	f.told("evt_0", "payment_intent.payment_failed", failed)
	f.wantCredits("0")
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() { f.told("evt_1", "payment_intent.succeeded", f.paid(0)) })
	}
	all.Wait()
	f.told("evt_2", "payment_intent.succeeded", f.paid(0))
	f.wantCredits("30")
	f.wantRefolded()
	want := []string{
		"payment_failed " + f.user + " amount=USD 7.50 failureReason=Your card was declined. productName=Pack",
		"payment_receipt " + f.user + " amount=USD 7.50 productName=Pack quantity=3 receiptLink=https://stripe.example/receipt",
		"payment_receipt " + f.user + " amount=USD 7.50 productName=Pack quantity=3 receiptLink=https://stripe.example/receipt",
	}
	if got := f.mails(); !slices.Equal(got, want) {
		t.Errorf("the mails are %q, want %q", got, want)
	}
	if got := f.published(); !slices.Equal(got, []string{"payments.v1.purchase.completed.p"}) {
		t.Errorf("published %v", got)
	}
}

// R17: a subscription lives its life at the provider, which tells about it a
// hundred times, at once and in any order. The end is as if it had told once.
func TestHandleStripeEvent_subscription_shuffled_endsAsItIs(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	if secret := f.checkOut("basic", "monthly", 1); secret == nil || *secret != "sub_1_secret" {
		t.Errorf("the secret is %v", secret)
	}
	customer := object{"customer": f.customerID()}
	f.told("evt_0", "customer.subscription.created", customer)
	f.wantCredits("0") // not paid for
	if got := f.products(f.server()); len(got) != 0 {
		t.Errorf("what was not paid for is owned: %v", keys(got))
	}
	states := []func(*app.StripeSubscription){
		func(s *app.StripeSubscription) { s.Status = domain.StatusActive },
		func(s *app.StripeSubscription) { s.Status = domain.StatusPastDue },
		func(s *app.StripeSubscription) { s.Status, s.CancelAtPeriodEnd = domain.StatusActive, true },
	}
	random := rand.New(rand.NewPCG(1, 2))
	var all sync.WaitGroup
	for i, state := range states {
		f.stripe.Change("sub_1", state)
		for range 100 / len(states) {
			older := random.IntN(i + 1) // told late
			all.Go(func() { f.told(fmt.Sprint("evt_", older), "customer.subscription.updated", customer) })
		}
	}
	all.Wait()
	f.told("evt_9", "customer.subscription.updated", customer)
	f.wantCredits("100")
	page := f.products(f.server())
	if len(page) != 1 || page[0].Subscription == nil || !page[0].Subscription.CancelAtPeriodEnd || page[0].Subscription.Status != domain.StatusActive {
		t.Errorf("the customer owns %+v", page)
	}
	f.wantRefolded()
	changes := len(f.published())
	for range 10 {
		f.told("evt_9", "customer.subscription.updated", customer)
	}
	if got := len(f.published()); got != changes {
		t.Errorf("what is as it was is told %d times", got-changes)
	}
	if n := value[int](f, "SELECT count(*) FROM subscriptions"); n != 1 {
		t.Errorf("there are %d subscriptions", n)
	}
}

// A reading that was begun before another does not undo it. Without the numbers
// the subscription is active again in the end.
func TestHandleStripeEvent_olderReading_isNotApplied(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	f.checkOut("basic", "monthly", 1)
	f.stripe.Change("sub_1", func(s *app.StripeSubscription) { s.Status = domain.StatusActive })
	customer := object{"customer": f.customerID()}
	f.told("evt_0", "customer.subscription.created", customer)
	f.stripe.BeforeReading = func() {
		f.stripe.BeforeReading = nil
		// The later reading overtakes the one that is about to begin.
		f.stripe.Change("sub_1", func(s *app.StripeSubscription) { s.Status = domain.StatusCanceled })
		f.told("evt_2", "customer.subscription.deleted", customer)
		f.stripe.Change("sub_1", func(s *app.StripeSubscription) { s.Status = domain.StatusActive })
	}
	f.told("evt_1", "customer.subscription.updated", customer)
	if got := f.products(f.server()); len(got) != 1 || got[0].Subscription != nil {
		t.Errorf("the customer owns %+v", got)
	}
}

func TestHandleStripeEvent_endedBeforeItWasKnown_givesNothing(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	f.checkOut("basic", "monthly", 1)
	f.clock.Advance(60 * 24 * time.Hour)
	f.stripe.Change("sub_1", func(s *app.StripeSubscription) { s.Status = domain.StatusCanceled })
	f.told("evt_0", "customer.subscription.deleted", object{"customer": f.customerID()})
	f.wantCredits("0")
	if got := f.products(f.server()); len(got) != 0 {
		t.Errorf("the customer owns %v", keys(got))
	}
}

func TestHandleStripeEvent_canceled_lastsUntilThePeriodEnds(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	f.checkOut("basic", "monthly", 1)
	f.stripe.Change("sub_1", func(s *app.StripeSubscription) { s.Status = domain.StatusActive })
	customer := object{"customer": f.customerID()}
	f.told("evt_0", "customer.subscription.created", customer)
	f.clock.Advance(time.Hour)
	if err := f.CancelProduct(f.client(f.user), f.owner(), "basic", nil); err != nil {
		t.Fatal(err)
	}
	f.told("evt_1", "customer.subscription.deleted", customer)
	f.wantCredits("100")
	f.clock.Advance(31 * 24 * time.Hour)
	f.wantCredits("0")
	f.wantRefolded()
}

func TestHandleStripeEvent_refused(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	f.checkOut("pack", "once", 1)
	if err := f.HandleStripeEvent(t.Context(), []byte("{}"), ""); !errors.Is(err, apierr.SchemaError("")) {
		t.Errorf("without signature: %v", err)
	}
	if err := f.HandleStripeEvent(t.Context(), memory.Told("e", "account.updated", "acct_1", nil), "forged"); !errors.Is(err, badRequest) {
		t.Errorf("with a wrong signature: %v", err)
	}
	for _, eventType := range []string{"account.updated", "charge.dispute.created", "customer.updated"} {
		if err := f.tell("e", eventType, object{}); err != nil {
			t.Errorf("%s: %v", eventType, err)
		}
	}
	nobody, unknown := f.paid(0), f.paid(0)
	nobody["metadata"] = object{"purchaseKind": "ONE_TIME"}
	unknown["metadata"] = object{"purchaseKind": "ONE_TIME", "customerId": f.user, "customerType": "USER", "productVersionId": "?"}
	for name, tt := range map[string]struct {
		eventType string
		object    any
	}{
		"unknown type":        {"charge.succeeded", object{}},
		"no customer":         {"customer.subscription.updated", object{}},
		"unnamed customer":    {"payment_intent.succeeded", nobody},
		"unnamed product":     {"payment_intent.succeeded", unknown},
		"no object":           {"invoice.paid", nil},
		"two subscriptions":   {"invoice.paid", object{"id": "in_1", "customer": f.customerID(), "lines": lines("sub_1", "sub_2")}},
		"not even a customer": {"invoice.paid", object{"customer": object{"id": "x"}}},
	} {
		err := f.tell("e", tt.eventType, tt.object)
		if known, ok := errors.AsType[*apierr.Error](err); err == nil || ok && known.HTTP < 500 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.HandleStripeEvent(t.Context(), memory.Told("e", "invoice.paid", "acct_9", object{"customer": "cus"}), memory.Signature); err == nil {
		t.Error("an account of nobody")
	}
	f.wantCredits("0")
	if n := value[int](f, "SELECT (SELECT count(*) FROM stripe_events) + (SELECT count(*) FROM courier_mails) + (SELECT count(*) FROM subscription_invoices)"); n != 0 {
		t.Errorf("%d rows were left", n)
	}
}

// happening is something that becomes so at the provider, and the events that
// tell of it.
type happening struct {
	change func(*fixture)
	tells  []telling
}

type telling struct {
	id, eventType string
	object        func(*fixture) any
}

// history is the life of a subscription and of a one-time payment.
func history() []happening {
	status := func(s domain.Status) func(*fixture) {
		return func(f *fixture) { f.stripe.Change("sub_1", func(at *app.StripeSubscription) { at.Status = s }) }
	}
	customer := func(f *fixture) any { return object{"customer": f.customerID()} }
	bill := func(id, status, reason string) func(*fixture) any {
		return func(f *fixture) any { return invoice(f, id, status, reason, 999) }
	}
	payment := func(failed bool) func(*fixture) any {
		return func(f *fixture) any {
			intent := f.paid(0)
			if failed {
				intent["last_payment_error"] = object{"message": "Your card was declined."}
			}
			return intent
		}
	}
	return []happening{
		{func(f *fixture) { f.checkOut("basic", "monthly", 1) }, []telling{
			{"evt_1", "customer.subscription.created", customer}, {"evt_2", "invoice.created", bill("in_1", "draft", "subscription_create")},
			{"evt_3", "invoice.finalized", bill("in_1", "open", "subscription_create")},
		}},
		{func(f *fixture) { f.checkOut("pack", "once", 3) }, []telling{{"evt_4", "payment_intent.payment_failed", payment(true)}}},
		{status(domain.StatusActive), []telling{
			{"evt_5", "customer.subscription.updated", customer}, {"evt_6", "invoice.paid", bill("in_1", "paid", "subscription_create")},
			{"evt_7", "invoice.payment_succeeded", bill("in_1", "paid", "subscription_create")},
		}},
		{func(*fixture) {}, []telling{{"evt_8", "payment_intent.succeeded", payment(false)}}},
		{status(domain.StatusPastDue), []telling{
			{"evt_9", "invoice.payment_failed", bill("in_2", "open", "subscription_cycle")}, {"evt_10", "customer.subscription.updated", customer},
			{"evt_11", "charge.dispute.created", customer},
		}},
		{status(domain.StatusActive), []telling{
			{"evt_12", "invoice.payment_succeeded", bill("in_2", "paid", "subscription_cycle")},
			{"evt_13", "invoice.created", bill("in_3", "draft", "subscription_cycle")}, {"evt_14", "invoice.voided", bill("in_3", "void", "subscription_cycle")},
		}},
		{func(f *fixture) {
			f.stripe.Change("sub_1", func(at *app.StripeSubscription) { at.CancelAtPeriodEnd = true })
		}, []telling{{"evt_15", "customer.subscription.updated", customer}}},
		{status(domain.StatusCanceled), []telling{{"evt_16", "customer.subscription.deleted", customer}}},
	}
}

// toldEvent is an event that may be told.
type toldEvent struct {
	telling

	// after is how much must have happened.
	after int
}

// digest is everything that a history leaves, ids and versions aside.
func (f *fixture) digest() string {
	f.t.Helper()
	return value[string](f, `SELECT jsonb_pretty(jsonb_build_object(
		'subscriptions', (SELECT jsonb_agg(to_jsonb(s) - '{id,version,created_at}'::text[] ORDER BY s.stripe_subscription_id) FROM subscriptions s),
		'purchases', (SELECT jsonb_agg(to_jsonb(p) - '{id,created_at}'::text[] ORDER BY p.stripe_payment_intent_id) FROM one_time_purchases p),
		'invoices', (SELECT jsonb_agg(to_jsonb(i) - '{id,created_at}'::text[] ORDER BY i.stripe_invoice_id) FROM subscription_invoices i),
		'balances', (SELECT jsonb_agg(a.item_id || ' ' || a.balance) FROM item_accounts a),
		'completed', (SELECT count(*) FROM outbox WHERE subject LIKE 'payments.v1.purchase.completed.%'),
		'mails', (SELECT count(*) FROM courier_mails)
	))`) + "\n" + f.credits()
}

// tellAll lets a history happen while its events are told in an order, each up
// to three times, and none before it is true.
func (f *fixture) tellAll(random *rand.Rand) {
	f.t.Helper()
	var untold, all []toldEvent
	happenings := history()
	for i, h := range happenings {
		for _, event := range h.tells {
			for range 1 + random.IntN(3) {
				all = append(all, toldEvent{event, i})
			}
		}
	}
	objects := map[string]any{}
	for i, h := range happenings {
		h.change(f)
		for _, event := range h.tells {
			objects[event.id] = event.object(f) // as it was then
		}
		untold = append(untold, slices.DeleteFunc(slices.Clone(all), func(e toldEvent) bool { return e.after != i })...)
		random.Shuffle(len(untold), func(a, b int) { untold[a], untold[b] = untold[b], untold[a] })
		now := random.IntN(len(untold) + 1)
		if i == len(happenings)-1 {
			now = len(untold)
		}
		for _, event := range untold[:now] {
			f.told(event.id, event.eventType, objects[event.id])
		}
		untold = untold[now:]
	}
}

// R17: whatever the order in which the events of a history arrive, however late
// and however often, it leaves the same.
func TestHandleStripeEvent_anyOrder_leavesTheSame(t *testing.T) {
	db := pgtest.New(t, sources...)
	var want string
	for seed := range uint64(25) {
		f := newFixtureOn(t, db)
		f.user = "5e0a6f10-58a7-4a37-9d0c-6f1f2b6f4a11"
		f.users[f.user] = true
		f.stripe = memory.New(f.clock)
		f.App = f.replica(db)
		f.setUp()
		f.tellAll(rand.New(rand.NewPCG(seed, 17)))
		got := f.digest()
		f.wantRefolded()
		switch {
		case want == "":
			want = got
			for _, part := range []string{`"completed": 2`, `"mails": 4`, `"status": "canceled"`, `"status": "void"`} {
				if !strings.Contains(got, part) {
					t.Fatalf("the history does not leave %s:\n%s", part, got)
				}
			}
		case got != want:
			t.Fatalf("with seed %d there is\n%s\nwant\n%s", seed, got, want)
		}
		if err := f.PurgeProject(t.Context(), tenant.ProjectID); err != nil {
			t.Fatal(err)
		}
		value[int](f, "WITH gone AS (DELETE FROM outbox RETURNING 1), ended AS (DELETE FROM stripe_endings RETURNING 1) SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM ended)")
	}
}
