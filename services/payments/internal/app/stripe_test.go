package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/stripe/memory"
)

func (f *fixture) admin() context.Context {
	return principal.NewContext(f.t.Context(), principal.Principal{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Access: principal.AccessAdmin, ConfigVersion: 1})
}

// setUp opens an account and leaves test mode.
func (f *fixture) setUp() {
	f.t.Helper()
	if _, err := f.SetUpPayments(f.admin()); err != nil {
		f.t.Fatal(err)
	}
	f.stripe.Open("acct_1")
	f.configure(`"testMode": true`, `"testMode": false`)
}

// tell lets the provider tell something.
func (f *fixture) tell(id, eventType string, object any) error {
	return f.HandleStripeEvent(f.t.Context(), memory.Told(id, eventType, "acct_1", object), memory.Signature)
}

func (f *fixture) told(id, eventType string, object any) {
	f.t.Helper()
	if err := retry(func() error { return f.tell(id, eventType, object) }); err != nil {
		f.t.Fatalf("%s: %v", eventType, err)
	}
}

type object = map[string]any

var discard = slog.New(slog.DiscardHandler)

// checkOut begins a payment.
func (f *fixture) checkOut(productID, priceID string, quantity int64) *string {
	f.t.Helper()
	secret, err := f.CreatePurchaseSession(f.t.Context(), choose(f.code(productID), priceID, quantity))
	if err != nil {
		f.t.Fatal(err)
	}
	return secret
}

func (f *fixture) customerID() string {
	f.t.Helper()
	id, err := f.stripe.FindCustomer(f.t.Context(), "acct_1", f.owner())
	if err != nil || id == "" {
		f.t.Fatalf("the customer is %q, %v", id, err)
	}
	return id
}

// paid is the payment intent of a payment that was begun.
func (f *fixture) paid(n int) object {
	payment := f.stripe.Payments[n]
	return object{
		"id": payment.ID, "customer": payment.CustomerID, "metadata": payment.Metadata, "currency": "usd",
		"amount": payment.Amount, "amount_received": payment.Amount,
		"charges": object{"data": []object{{"receipt_url": "https://stripe.example/receipt"}}},
	}
}

// mails lists the waiting mails.
func (f *fixture) mails() (all []string) {
	f.t.Helper()
	taken := make(chan courier.Mail, 100)
	count := value[int](f, "SELECT count(*) FROM courier_mails")
	ctx, cancel := context.WithCancel(f.t.Context())
	done := make(chan error)
	go func() {
		done <- courier.NewWorker(f.db, f.box, func(_ context.Context, mail courier.Mail) error {
			taken <- mail
			return nil
		}, discard).Run(ctx)
	}()
	for range count {
		mail := <-taken
		var variables []string
		for name, value := range mail.Variables {
			variables = append(variables, name+"="+value)
		}
		slices.Sort(variables)
		all = append(all, mail.Template+" "+mail.ToUserID+" "+strings.Join(variables, " "))
	}
	// A worker that ends before it has noted that a mail was taken leaves it to
	// the next one.
	for value[int](f, "SELECT count(*) FROM courier_mails") > 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	slices.Sort(all)
	return all
}

func TestCreatePurchaseURL_stripe(t *testing.T) {
	f := newStripeFixture(t)
	create := func(customer domain.Customer, returnURL *string) error {
		_, err := f.CreatePurchaseURL(f.server(), app.NewPurchaseURL{Customer: customer, Product: named("pack"), ReturnURL: returnURL})
		return err
	}
	stranger := domain.Customer{Type: "user", ID: ids.NewUUID()}
	if err := create(stranger, nil); err != nil {
		t.Errorf("test mode without account: %v", err)
	}
	f.configure(`"testMode": true`, `"testMode": false`)
	if err := create(f.owner(), nil); !errors.Is(err, badRequest) {
		t.Errorf("live mode without account: %v", err)
	}
	if _, err := f.SetUpPayments(f.admin()); err != nil {
		t.Fatal(err)
	}
	if err := create(stranger, new("https://evil.example.com")); !errors.Is(err, apierr.UserNotFound()) {
		t.Errorf("a stranger: %v", err)
	}
	if err := create(f.owner(), new("https://evil.example.com")); !errors.Is(err, apierr.RedirectURLNotWhitelisted("")) || f.stripe.Customers() != 0 {
		t.Errorf("an untrusted URL: %v and %d customers", err, f.stripe.Customers())
	}
	overview, err := f.ValidatePurchaseCode(t.Context(), f.code("pack"), nil)
	if err != nil || overview.Stripe == nil || overview.Stripe.AccountID != "acct_1" || overview.Stripe.ChargesEnabled {
		t.Errorf("before the account is complete: %+v, %v", overview, err)
	}
	f.stripe.Open("acct_1")
	if overview, err := f.ValidatePurchaseCode(t.Context(), f.code("pack"), nil); err != nil || !overview.Stripe.ChargesEnabled {
		t.Errorf("after the account is complete: %+v, %v", overview, err)
	}
	if f.stripe.Customers() != 1 {
		t.Errorf("there are %d customers", f.stripe.Customers())
	}
	f.stripe.Broken = errors.New("away")
	if err := create(f.owner(), nil); err == nil {
		t.Error("live mode while the provider is away")
	}
	f.configure(`"testMode": false`, `"testMode": true`)
	if overview, err := f.ValidatePurchaseCode(t.Context(), f.code("pack"), nil); err != nil || overview.Stripe != nil {
		t.Errorf("test mode while the provider is away: %+v, %v", overview, err)
	}
}

func TestCreatePurchaseSession_prices(t *testing.T) {
	f := newStripeFixture(t)
	unprepared := f.code("pack")
	f.setUp()
	price := func(usd string, monthly bool) app.ProductRef {
		ref := inlineProduct("Thing")
		ref.Inline.Prices.ByID[0].Value.Amounts[0] = domain.Amount{Currency: "USD", Text: usd}
		if usd == "" {
			ref.Inline.Prices.ByID[0].Value.Amounts[0] = domain.Amount{Currency: "EUR", Text: "5"}
		}
		if monthly {
			ref.Inline.Prices.ByID[0].Value.Interval = &domain.Interval{Count: 1, Unit: "month"}
		}
		return ref
	}
	for _, tt := range []struct {
		usd     string
		monthly bool
		want    error
		secret  bool
		cents   int64
	}{
		{"19.99", false, nil, true, 1999},
		{"0.5", false, nil, true, 50},
		{"0.49", false, badRequest, false, 0},
		{"0", false, badRequest, false, 0},
		{"", false, badRequest, false, 0},
		{"19.99", true, nil, true, 1999},
		{"0.00", true, nil, false, 0},
		{"99999999999999999999", true, badRequest, false, 0},
	} {
		full := f.codeFor(price(tt.usd, tt.monthly))
		payments, plans := len(f.stripe.Payments), len(f.stripe.Plans)
		secret, err := f.CreatePurchaseSession(t.Context(), choose(full, "once", 1))
		if !errors.Is(err, tt.want) || (secret != nil) != tt.secret {
			t.Errorf("%s %v: %v, %v", tt.usd, tt.monthly, secret, err)
		}
		_, again := f.ValidatePurchaseCode(t.Context(), full, nil)
		if spent := errors.Is(again, apierr.VerificationCodeNotFound()); spent != (tt.want == nil) {
			t.Errorf("%s %v: the code is spent: %v", tt.usd, tt.monthly, spent)
		}
		switch {
		case tt.want != nil:
			if len(f.stripe.Payments) != payments || len(f.stripe.Plans) != plans {
				t.Errorf("%s %v: something was begun", tt.usd, tt.monthly)
			}
		case tt.monthly:
			if plan := f.stripe.Plans[plans]; plan.UnitAmount != tt.cents || plan.Quantity != 1 || plan.Name != "Thing" || plan.Metadata["productId"] != "" {
				t.Errorf("%s: the plan is %+v", tt.usd, plan)
			}
		default:
			if payment := f.stripe.Payments[payments]; payment.Amount != tt.cents || payment.Metadata["purchaseKind"] != "ONE_TIME" ||
				payment.Metadata["customerType"] != "user" || payment.Metadata["customerId"] != f.user || payment.Metadata["priceId"] != "once" {
				t.Errorf("%s: the payment is %+v", tt.usd, payment)
			}
		}
	}
	if _, err := f.CreatePurchaseSession(t.Context(), choose(unprepared, "once", 1)); !errors.Is(err, badRequest) {
		t.Errorf("a code of before: %v", err)
	}
	full := f.code("pack")
	if _, err := f.CreatePurchaseSession(t.Context(), choose(full, "once", 4_000_000)); !errors.Is(err, badRequest) {
		t.Errorf("ten million dollars: %v", err)
	}
}

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

func lines(subscriptionIDs ...string) object {
	var data []object
	for _, id := range subscriptionIDs {
		data = append(data, object{
			"description": "1 × Basic", "quantity": 1, "parent": object{"subscription_item_details": object{"subscription": id}},
		})
	}
	return object{"data": data}
}

func invoice(f *fixture, id, status, reason string, total int64) object {
	return object{
		"id": id, "customer": f.customerID(), "status": status, "total": total, "amount_paid": total, "amount_due": total, "currency": "usd",
		"billing_reason": reason, "hosted_invoice_url": "https://stripe.example/" + id, "lines": lines("sub_1"),
	}
}

func TestInvoices_areListedNewestFirst(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	f.checkOut("basic", "monthly", 1)
	f.stripe.Change("sub_1", func(s *app.StripeSubscription) { s.Status = domain.StatusActive })
	f.told("evt_1", "invoice.payment_succeeded", invoice(f, "in_1", "paid", "subscription_create", 999))
	f.told("evt_0", "invoice.created", invoice(f, "in_1", "draft", "subscription_create", 0)) // told late
	for i := range 3 {
		f.clock.Advance(time.Hour)
		f.told(fmt.Sprint("evt_1", i), "invoice.paid", invoice(f, fmt.Sprint("in_1", i), "paid", "subscription_cycle", int64(i)))
	}
	f.told("evt_2", "invoice.payment_failed", invoice(f, "in_12", "open", "subscription_cycle", 2))
	f.told("evt_3", "invoice.payment_failed", invoice(f, "in_13", "uncollectible", "subscription_cycle", 1234))
	f.told("evt_3", "invoice.payment_failed", invoice(f, "in_13", "uncollectible", "subscription_cycle", 1234))
	f.told("evt_4", "invoice.upcoming", object{"customer": f.customerID(), "lines": lines("sub_1")})
	var got []string
	cursor := ""
	for range 3 {
		page, next, err := f.ListInvoices(f.client(f.user), f.owner(), cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, invoice := range page {
			got = append(got, fmt.Sprint(*invoice.HostedURL, " ", *invoice.Status, " ", *invoice.AmountTotal))
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	want := []string{
		"https://stripe.example/in_13 uncollectible 1234", "https://stripe.example/in_12 paid 2", "https://stripe.example/in_11 paid 1",
		"https://stripe.example/in_10 paid 0", "https://stripe.example/in_1 paid 999",
	}
	slices.Sort(got[:2]) // they were made at the same moment
	slices.Sort(want[:2])
	if !slices.Equal(got, want) {
		t.Errorf("the invoices are %q, want %q", got, want)
	}
	for _, cursor := range []string{"x", ids.NewUUID()} {
		if _, _, err := f.ListInvoices(f.server(), f.owner(), cursor, 2); !errors.Is(err, badRequest) {
			t.Errorf("cursor %s: %v", cursor, err)
		}
	}
	mails := []string{
		"payment_failed " + f.user + " amount=USD 12.34 invoiceUrl=https://stripe.example/in_13 productName=1 × Basic",
		"payment_receipt " + f.user + " amount=USD 9.99 productName=1 × Basic quantity=1 receiptLink=https://stripe.example/in_1",
	}
	if got := f.mails(); !slices.Equal(got, mails) {
		t.Errorf("the mails are %q, want %q", got, mails)
	}
}

func TestBilling_cardIsStored(t *testing.T) {
	f := newStripeFixture(t)
	mine := f.client(f.user)
	if known, card, err := f.GetBilling(mine, f.owner()); known || card != nil || err != nil {
		t.Errorf("without account: %v, %v, %v", known, card, err)
	}
	if _, _, err := f.CreateSetupIntent(mine, f.owner()); !errors.Is(err, badRequest) {
		t.Errorf("a setup intent without account: %v", err)
	}
	f.setUp()
	if known, card, err := f.GetBilling(mine, f.owner()); known || card != nil || err != nil {
		t.Errorf("before anything was bought: %v, %v, %v", known, card, err)
	}
	if _, _, err := f.GetBilling(f.server(), domain.Customer{Type: "user", ID: ids.NewUUID()}); !errors.Is(err, apierr.UserNotFound()) {
		t.Errorf("a stranger: %v", err)
	}
	if _, _, err := f.GetBilling(f.client(ids.NewUUID()), f.owner()); !errors.Is(err, forbidden) {
		t.Errorf("somebody else: %v", err)
	}
	secret, accountID, err := f.CreateSetupIntent(mine, f.owner())
	if err != nil || secret != "seti_1_secret" || accountID != "acct_1" {
		t.Fatalf("CreateSetupIntent = %s, %s, %v", secret, accountID, err)
	}
	if _, err := f.SetDefaultPaymentMethod(mine, f.owner(), "seti_1"); !errors.Is(err, badRequest) {
		t.Errorf("before the card was entered: %v", err)
	}
	f.stripe.StoreCard("seti_1")
	team := domain.Customer{Type: "team", ID: f.team}
	if _, err := f.SetDefaultPaymentMethod(mine, team, "seti_1"); !errors.Is(err, forbidden) {
		t.Errorf("another customer's card: %v", err)
	}
	if card, err := f.SetDefaultPaymentMethod(mine, f.owner(), "seti_1"); err != nil || card.Last4 != "4242" {
		t.Errorf("SetDefaultPaymentMethod = %+v, %v", card, err)
	}
	if known, card, err := f.GetBilling(mine, f.owner()); !known || card == nil || card.Brand != "visa" || err != nil {
		t.Errorf("GetBilling = %v, %v, %v", known, card, err)
	}
}

func TestSwitchSubscription_inPlace_revaluesFromTheBeginning(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	change := func(from, to string) error {
		return f.SwitchSubscription(f.client(f.user), app.SubscriptionSwitch{Customer: f.owner(), FromProduct: from, ToProduct: to})
	}
	if err := change("basic", "pro"); !errors.Is(err, badRequest) {
		t.Errorf("before anything is owned: %v", err)
	}
	f.checkOut("basic", "monthly", 1)
	f.stripe.Change("sub_1", func(s *app.StripeSubscription) { s.Status = domain.StatusActive })
	f.told("evt_1", "customer.subscription.created", object{"customer": f.customerID()})
	f.clock.Advance(4 * 24 * time.Hour)
	f.add(-60)
	f.wantCredits("40")
	required := apierr.DefaultPaymentMethodRequired("", "")
	if err := change("basic", "pro"); !errors.Is(err, required) {
		t.Errorf("without a card: %v", err)
	}
	if _, _, err := f.CreateSetupIntent(f.client(f.user), f.owner()); err != nil {
		t.Fatal(err)
	}
	f.stripe.StoreCard("seti_1")
	for name, tt := range map[string]struct {
		in   app.SubscriptionSwitch
		want error
	}{
		"unknown":          {app.SubscriptionSwitch{FromProduct: "basic", ToProduct: "gold"}, badRequest},
		"no line":          {app.SubscriptionSwitch{FromProduct: "pack", ToProduct: "free"}, badRequest},
		"same":             {app.SubscriptionSwitch{FromProduct: "basic", ToProduct: "basic"}, badRequest},
		"add-on":           {app.SubscriptionSwitch{FromProduct: "basic", ToProduct: "boost"}, badRequest},
		"one-time source":  {app.SubscriptionSwitch{FromProduct: "lifetime", ToProduct: "pro"}, badRequest},
		"one-time price":   {app.SubscriptionSwitch{FromProduct: "basic", ToProduct: "lifetime"}, badRequest},
		"unknown price":    {app.SubscriptionSwitch{FromProduct: "basic", ToProduct: "pro", PriceID: new("weekly")}, badRequest},
		"two":              {app.SubscriptionSwitch{FromProduct: "basic", ToProduct: "pro", Quantity: new(int64(2))}, badRequest},
		"not subscribed":   {app.SubscriptionSwitch{FromProduct: "pro", ToProduct: "basic"}, badRequest},
		"somebody else's":  {app.SubscriptionSwitch{Customer: domain.Customer{Type: "user", ID: ids.NewUUID()}, FromProduct: "basic", ToProduct: "pro"}, forbidden},
		"other type first": {app.SubscriptionSwitch{Customer: domain.Customer{Type: "team", ID: f.team}, FromProduct: "basic", ToProduct: "pro"}, badRequest},
	} {
		if tt.in.Customer.ID == "" {
			tt.in.Customer = f.owner()
		}
		if err := f.SwitchSubscription(f.client(f.user), tt.in); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if err := change("basic", "pro"); err != nil {
		t.Fatal(err)
	}
	f.wantCredits("440")
	f.wantRefolded()
	if got := f.products(f.server()); len(got) != 1 || got[0].Key() != "pro" || got[0].Subscription == nil || *got[0].Subscription.PriceID != "monthly" {
		t.Errorf("the customer owns %+v", got)
	}
	if plan := f.stripe.Plans[1]; plan.UnitAmount != 1999 || plan.Fee.String() != "2.5" || plan.PaymentMethodID == "" {
		t.Errorf("the plan is %+v", plan)
	}
	events := len(f.published())
	f.told("evt_2", "customer.subscription.updated", object{"customer": f.customerID()})
	if got := len(f.published()); got != events {
		t.Errorf("the provider's echo is told %d times", got-events)
	}
	f.configure(`"blockNewPurchases": false`, `"blockNewPurchases": true`)
	if err := f.SwitchSubscription(f.client(""), app.SubscriptionSwitch{Customer: f.owner()}); !errors.Is(err, apierr.NewPurchasesBlocked()) {
		t.Errorf("while blocked: %v", err)
	}
}

// A subscription at the provider is cancelled there before another replaces it.
func TestGrantProduct_replacesAtStripe(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	f.checkOut("basic", "monthly", 1)
	f.stripe.Change("sub_1", func(s *app.StripeSubscription) { s.Status = domain.StatusActive })
	f.told("evt_1", "customer.subscription.created", object{"customer": f.customerID()})
	if _, err := f.grant(named("pro"), 1); err != nil {
		t.Fatal(err)
	}
	f.told("evt_2", "customer.subscription.deleted", object{"customer": f.customerID()})
	if got := keys(f.products(f.server())); !slices.Equal(got, []string{"basic", "pro"}) { // basic until its end
		t.Errorf("the customer owns %v", got)
	}
}

func TestPurchaseSession_replacesInPlace(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	f.checkOut("basic", "monthly", 1)
	f.stripe.Change("sub_1", func(s *app.StripeSubscription) { s.Status = domain.StatusActive })
	f.told("evt_1", "customer.subscription.created", object{"customer": f.customerID()})
	f.checkOut("pro", "monthly", 1)
	f.told("evt_2", "customer.subscription.updated", object{"customer": f.customerID()})
	if got := keys(f.products(f.server())); !slices.Equal(got, []string{"pro"}) {
		t.Errorf("the customer owns %v", got)
	}
	f.wantCredits("500")

	// A local one ends with the beginning of the payment.
	g := newStripeFixture(t)
	g.buy("basic", "monthly", 1)
	g.setUp()
	g.checkOut("pro", "monthly", 1)
	g.wantCredits("0")
	g.wantRefolded()
}

func TestRefundPurchase_oneTime(t *testing.T) {
	f := newStripeFixture(t)
	f.buy("pack", "once", 1)
	test := f.products(f.server())
	f.setUp()
	if _, err := f.grant(named("pack"), 1); err != nil {
		t.Fatal(err)
	}
	f.checkOut("pack", "once", 3)
	f.told("evt_1", "payment_intent.succeeded", f.paid(0))
	purchase := func(source string) string {
		return value[string](f, "SELECT id::text FROM one_time_purchases WHERE creation_source = $1", source)
	}
	refund := func(id string, entries ...app.RefundEntry) error {
		return f.RefundPurchase(f.admin(), app.PurchaseRefund{PurchaseID: id, Entries: entries})
	}
	schema := apierr.SchemaError("")
	bought := purchase("PURCHASE_PAGE")
	for name, tt := range map[string]struct {
		err, want error
	}{
		"unknown":   {refund(ids.NewUUID()), apierr.OneTimePurchaseNotFound("")},
		"no id":     {refund("x"), apierr.OneTimePurchaseNotFound("")},
		"test":      {refund(purchase("TEST_MODE")), apierr.TestModePurchaseNonRefundable()},
		"gift":      {refund(purchase("API_GRANT")), apierr.OneTimePurchaseNotFound("")},
		"too much":  {refund(bought, app.RefundEntry{Quantity: 1, Amount: "7.51"}), schema},
		"too many":  {refund(bought, app.RefundEntry{Quantity: 4, Amount: "1"}), schema},
		"negative":  {refund(bought, app.RefundEntry{Quantity: -1, Amount: "1"}), schema},
		"other":     {refund(bought, app.RefundEntry{Index: 1, Quantity: 1, Amount: "1"}), schema},
		"duplicate": {refund(bought, app.RefundEntry{Amount: "1"}, app.RefundEntry{Amount: "1"}), schema},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: %v, want %v", name, tt.err, tt.want)
		}
	}
	if len(test) != 1 || len(f.stripe.Refunds) != 0 {
		t.Fatalf("refunds %v", f.stripe.Refunds)
	}
	already := apierr.OneTimePurchaseAlreadyRefunded("")
	var all sync.WaitGroup
	var mu sync.Mutex
	succeeded := 0
	for range 8 {
		all.Go(func() {
			switch err := retry(func() error { return refund(bought, app.RefundEntry{Quantity: 2, Amount: "5.5"}) }); {
			case err == nil:
				mu.Lock()
				succeeded++
				mu.Unlock()
			case !errors.Is(err, already):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if succeeded != 1 || len(f.stripe.Refunds) != 1 || f.stripe.Refunds[0].Amount != 550 || f.stripe.Refunds[0].PaymentIntentID != "pi_1" {
		t.Errorf("%d refunds: %+v", succeeded, f.stripe.Refunds)
	}
	if got := f.products(f.server()); got[0].Quantity != 3 { // one bought, one granted, one in test mode
		t.Errorf("the customer owns %d", got[0].Quantity)
	}
	f.wantCredits("50")
	if err := refund(bought, app.RefundEntry{Quantity: 1, Amount: "99999"}); !errors.Is(err, already) {
		t.Errorf("refunded again: %v", err)
	}
	page, more, err := f.ListTransactions(f.admin(), app.TransactionFilter{}, app.Position{}, 10)
	if err != nil || more || len(page) != 3 || page[0].ID != bought || page[0].Refunds != 1 {
		t.Errorf("ListTransactions = %+v, %v, %v", page, more, err)
	}
}

func TestRefundPurchase_subscription(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	f.checkOut("basic", "monthly", 1)
	f.stripe.Change("sub_1", func(s *app.StripeSubscription) { s.Status = domain.StatusActive })
	f.told("evt_1", "invoice.payment_succeeded", invoice(f, "in_1", "paid", "subscription_create", 999))
	f.told("evt_2", "invoice.payment_succeeded", invoice(f, "in_2", "paid", "subscription_cycle", 999))
	f.stripe.InvoicePayments["in_1"] = "pi_of_in_1"
	id := value[string](f, "SELECT id::text FROM subscriptions")
	refund := func(id string) error {
		return f.RefundPurchase(f.admin(), app.PurchaseRefund{Subscription: true, PurchaseID: id, Entries: []app.RefundEntry{{Quantity: 1, Amount: "9.99"}}})
	}
	gift, err := f.GrantProduct(f.server(), app.ProductGrant{Customer: f.owner(), Product: named("free"), Quantity: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{ids.NewUUID(), gift, "x"} {
		if err := refund(id); !errors.Is(err, apierr.SubscriptionInvoiceNotFound("")) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if err := refund(id); err != nil {
		t.Fatal(err)
	}
	if err := refund(id); !errors.Is(err, apierr.SubscriptionAlreadyRefunded("")) {
		t.Errorf("refunded again: %v", err)
	}
	if len(f.stripe.Refunds) != 1 || f.stripe.Refunds[0].PaymentIntentID != "pi_of_in_1" || f.stripe.Refunds[0].Amount != 999 {
		t.Errorf("the refunds are %+v", f.stripe.Refunds)
	}
	f.told("evt_3", "customer.subscription.updated", object{"customer": f.customerID()})
	if got := keys(f.products(f.server())); !slices.Equal(got, []string{"free"}) {
		t.Errorf("the customer owns %v", got)
	}
	f.wantCredits("103")
	page, _, err := f.ListTransactions(f.admin(), app.TransactionFilter{Type: app.TransactionRenewal}, app.Position{}, 10)
	if err != nil || len(page) != 1 || page[0].Renewal.Invoice.StripeInvoiceID != "in_2" {
		t.Errorf("the renewals are %+v, %v", page, err)
	}
}

func TestListTransactions_pages(t *testing.T) {
	f := newStripeFixture(t)
	f.buy("basic", "monthly", 1)
	for i := range 5 {
		f.clock.Advance(time.Minute)
		f.add(int64(i))
	}
	f.buy("pack", "once", 1)
	var types []app.TransactionType
	after, pages := app.Position{}, 0
	for more := true; more; pages++ {
		var page []app.Transaction
		var err error
		if page, more, err = f.ListTransactions(f.admin(), app.TransactionFilter{}, after, 2); err != nil {
			t.Fatal(err)
		}
		for _, transaction := range page {
			types = append(types, transaction.Type)
			after = app.Position{CreatedAt: transaction.CreatedAt, ID: transaction.ID}
		}
	}
	change, purchase := app.TransactionChange, app.TransactionPurchase
	if want := []app.TransactionType{purchase, change, change, change, change, change, purchase}; pages != 4 || !slices.Equal(types, want) {
		t.Errorf("%d pages of %v", pages, types)
	}
	for filter, want := range map[app.TransactionFilter]int{
		{Type: purchase}: 2, {Type: change}: 5, {Type: app.TransactionRenewal}: 0, {Type: "chargeback"}: 0,
		{CustomerType: "team"}: 0, {CustomerType: "user"}: 7,
	} {
		if page, _, err := f.ListTransactions(f.admin(), filter, app.Position{}, 50); err != nil || len(page) != want {
			t.Errorf("%+v: %d, %v", filter, len(page), err)
		}
	}
}

func TestSetUpPayments_opensOneAccount(t *testing.T) {
	f := newStripeFixture(t)
	if _, err := f.GetStripeAccountInfo(f.admin()); !errors.Is(err, apierr.StripeAccountInfoNotFound()) {
		t.Errorf("without account: %v", err)
	}
	if _, err := f.CreateStripeAccountSession(f.admin()); !errors.Is(err, badRequest) {
		t.Errorf("a session without account: %v", err)
	}
	if _, _, err := f.GetPaymentMethodConfig(f.admin()); !errors.Is(err, apierr.StripeAccountInfoNotFound()) {
		t.Errorf("methods without account: %v", err)
	}
	if err := f.UpdatePaymentMethodConfig(f.admin(), "x", nil); err != nil {
		t.Errorf("no updates: %v", err)
	}
	if err := f.UpdatePaymentMethodConfig(f.admin(), "x", map[string]bool{"card": true}); !errors.Is(err, apierr.StripeAccountInfoNotFound()) {
		t.Errorf("updates without account: %v", err)
	}
	for range 2 {
		address, err := f.SetUpPayments(f.admin())
		if err != nil || address != "https://stripe.example/acct_1?back=https://dash.example.com/projects/p/payments" {
			t.Errorf("SetUpPayments = %s, %v", address, err)
		}
	}
	if info, err := f.GetStripeAccountInfo(f.admin()); err != nil || info.ID != "acct_1" || info.ChargesEnabled {
		t.Errorf("GetStripeAccountInfo = %+v, %v", info, err)
	}
	if secret, err := f.CreateStripeAccountSession(f.admin()); err != nil || secret != "secret_of_acct_1" {
		t.Errorf("CreateStripeAccountSession = %s, %v", secret, err)
	}
	if err := f.UpdatePaymentMethodConfig(f.admin(), "pmc_1", map[string]bool{"link": true}); err != nil {
		t.Error(err)
	}
	id, methods, err := f.GetPaymentMethodConfig(f.admin())
	if err != nil || id != "pmc_1" || len(methods) != 3 || methods[0].ID != "card" || methods[1].ID != "link" || !methods[1].Enabled || methods[2].Available {
		t.Errorf("GetPaymentMethodConfig = %s, %+v, %v", id, methods, err)
	}
	other := principal.NewContext(t.Context(), principal.Principal{ProjectID: "q", BranchID: "main", Access: principal.AccessAdmin})
	if _, err := f.GetStripeAccountInfo(other); !errors.Is(err, apierr.StripeAccountInfoNotFound()) {
		t.Errorf("another project's account: %v", err)
	}
	if _, err := newFixture(t).SetUpPayments(f.admin()); !errors.Is(err, badRequest) {
		t.Errorf("without provider: %v", err)
	}
}

func TestPurgeProject_leavesNothing(t *testing.T) {
	f := newStripeFixture(t)
	f.buy("basic", "monthly", 1)
	f.setUp()
	f.checkOut("pack", "once", 1)
	f.told("evt_1", "payment_intent.succeeded", f.paid(0))
	f.told("evt_2", "invoice.payment_succeeded", invoice(f, "in_1", "paid", "subscription_create", 999))
	if err := f.take(keyed(f.server(), "k", "-1")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.PurgeProject(t.Context(), tenant.ProjectID); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range value[[]string](f, `SELECT array_agg(table_name::text) FROM information_schema.columns
		WHERE table_schema = 'public' AND column_name = 'project_id' AND table_name <> 'outbox'`) {
		if n := value[int](f, "SELECT count(*) FROM "+table); n != 0 {
			t.Errorf("%s has %d rows", table, n)
		}
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
