package app_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
)

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
