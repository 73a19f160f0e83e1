package app_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
)

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
