package app_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/principal"
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
