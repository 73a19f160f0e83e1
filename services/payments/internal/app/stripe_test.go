package app_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
)

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
