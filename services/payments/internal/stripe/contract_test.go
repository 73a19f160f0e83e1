package stripe_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v84/webhook"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/stripe"
)

// provider plays the payment provider: it answers as the description of the
// provider's API says, and refuses what that does not know.
type provider struct {
	http.Handler

	mu       sync.Mutex
	requests []string
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	parameters, _ := url.QueryUnescape(r.URL.RawQuery + string(body))
	p.mu.Lock()
	p.requests = append(p.requests, fmt.Sprintf("%s %s account=%s keyed=%v %s", r.Method, r.URL.Path,
		r.Header.Get("Stripe-Account"), r.Header.Get("Idempotency-Key") != "", parameters))
	p.mu.Unlock()
	p.Handler.ServeHTTP(w, r)
}

// sent reports whether a request was sent that holds all the parts.
func (p *provider) sent(parts ...string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, request := range p.requests {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(request, part)
		}
		if all {
			return true
		}
	}
	return false
}

const webhookSecret = "whsec_test"

func newClient(t *testing.T) (*stripe.Client, *provider) {
	t.Helper()
	p := &provider{Handler: stub(t)}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	return stripe.New(stripe.Config{SecretKey: "sk_test_123", WebhookSecret: webhookSecret, URL: srv.URL}), p
}

// stub is the published stand-in for the provider's API. It is made once,
// since reading the description takes a second.
var makeStub = sync.OnceValues(func() (http.Handler, error) {
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, err
	}
	description, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, err
	}
	stub, err := server.NewStubServer(fixtures, description, false, false)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(stub.HandleRequest), nil
})

func stub(t *testing.T) http.Handler {
	t.Helper()
	handler, err := makeStub()
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// Every call that is made is one that the provider knows, with parameters it
// knows, on the right account and with a key where it must not happen twice.
func TestClient_everyCall_isTheProviders(t *testing.T) {
	client, p := newClient(t)
	ctx := t.Context()
	customer := domain.Customer{Type: "team", ID: `o'neill\`}
	fee, err := domain.ParsePercent("2.5")
	if err != nil {
		t.Fatal(err)
	}
	plan := app.Plan{
		CustomerID: "cus_1", Name: "Basic", UnitAmount: 999, Interval: domain.Interval{Count: 3, Unit: "month"}, Quantity: 2, Fee: fee,
		Metadata: map[string]string{"productId": "basic", "productVersionId": "v", "priceId": "monthly"},
	}
	charged := plan
	charged.PaymentMethodID = "pm_1"
	for name, call := range map[string]func() error{
		"CreateAccount":        func() error { _, err := client.CreateAccount(ctx, "t"); return err },
		"CreateAccountLink":    func() error { _, err := client.CreateAccountLink(ctx, "acct_1", "https://a.example/"); return err },
		"Account":              func() error { _, err := client.Account(ctx, "acct_1"); return err },
		"CreateAccountSession": func() error { _, err := client.CreateAccountSession(ctx, "acct_1"); return err },
		"PaymentMethods": func() error {
			id, methods, err := client.PaymentMethods(ctx, "acct_1")
			if err == nil && (id == "" || len(methods) == 0) {
				err = fmt.Errorf("%q, %v", id, methods)
			}
			return err
		},
		"SetPaymentMethods": func() error {
			return client.SetPaymentMethods(ctx, "acct_1", "pmc_1", map[string]bool{"card": true, "sepa_debit": false})
		},
		"FindCustomer":   func() error { _, err := client.FindCustomer(ctx, "acct_1", customer); return err },
		"CreateCustomer": func() error { _, err := client.CreateCustomer(ctx, "acct_1", "k", customer); return err },
		"Customer":       func() error { _, err := client.Customer(ctx, "acct_1", "cus_1"); return err },
		"Card": func() error {
			card, err := client.Card(ctx, "acct_1", "cus_1")
			if err == nil && (card == nil || card.Last4 == "") {
				err = fmt.Errorf("the card is %+v", card)
			}
			return err
		},
		"CreateSetupIntent": func() error { _, err := client.CreateSetupIntent(ctx, "acct_1", "cus_1"); return err },
		"SetupIntent":       func() error { _, err := client.SetupIntent(ctx, "acct_1", "seti_1"); return err },
		"SetDefaultPaymentMethod": func() error {
			_, err := client.SetDefaultPaymentMethod(ctx, "acct_1", "cus_1", customer, "pm_1")
			return err
		},
		"CreatePaymentIntent": func() error {
			secret, err := client.CreatePaymentIntent(ctx, "acct_1", "k", app.Payment{CustomerID: "cus_1", Amount: 1999, Fee: 49, Metadata: map[string]string{"purchaseKind": "ONE_TIME"}})
			if err == nil && secret == nil {
				err = errors.New("no secret")
			}
			return err
		},
		"CreateSubscription":         func() error { _, _, err := client.CreateSubscription(ctx, "acct_1", "k", plan); return err },
		"CreateSubscription at once": func() error { _, _, err := client.CreateSubscription(ctx, "acct_1", "k", charged); return err },
		"UpdateSubscription":         func() error { _, _, err := client.UpdateSubscription(ctx, "acct_1", "k", "sub_1", plan); return err },
		"CancelSubscription":         func() error { return client.CancelSubscription(ctx, "acct_1", "sub_1") },
		"Subscriptions": func() error {
			all, err := client.Subscriptions(ctx, "acct_1", "cus_1")
			if err == nil && (len(all) == 0 || !all[0].HasItems || all[0].Status == "" || all[0].PeriodEnd.IsZero()) {
				err = fmt.Errorf("the subscriptions are %+v", all)
			}
			return err
		},
		"LiveSubscriptions": func() error {
			live, err := client.LiveSubscriptions(ctx, "acct_1")
			if err == nil && len(live) == 0 {
				err = errors.New("no live subscriptions")
			}
			return err
		},
		"ReduceSubscription":         func() error { return client.ReduceSubscription(ctx, "acct_1", "k", "sub_1", 1) },
		"ReduceSubscription to none": func() error { return client.ReduceSubscription(ctx, "acct_1", "k", "sub_1", 0) },
		"InvoicePayment":             func() error { _, err := client.InvoicePayment(ctx, "acct_1", "in_1"); return err },
		"Refund": func() error {
			return client.Refund(ctx, "acct_1", "k", app.StripeRefund{PaymentIntentID: "pi_1", Amount: 5, Metadata: map[string]string{"purchaseId": "x"}})
		},
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, want := range [][]string{
		{"POST /v1/accounts account= keyed=true", "controller[stripe_dashboard][type]=none", "metadata[tenancyId]=t", "country=US"},
		{"POST /v1/customers account=acct_1 keyed=true", "metadata[customerType]=TEAM"},
		{"GET /v1/customers/search account=acct_1", "query=metadata['customerId']:'o\\'neill\\\\'"},
		{"POST /v1/payment_intents account=acct_1 keyed=true", "amount=1999", "application_fee_amount=49", "currency=usd", "automatic_payment_methods[enabled]=true"},
		{"POST /v1/subscriptions account=acct_1 keyed=true", "payment_behavior=default_incomplete", "application_fee_percent=2.5", "unit_amount]=999", "interval_count]=3"},
		{"POST /v1/subscriptions account=acct_1 keyed=true", "payment_behavior=error_if_incomplete", "default_payment_method=pm_1"},
		{"POST /v1/subscriptions/sub_1 account=acct_1 keyed=true", "payment_behavior=default_incomplete", "application_fee_percent=2.5", "items[0][id]="},
		{"POST /v1/subscriptions/sub_1 account=acct_1 keyed=true", "cancel_at_period_end=true"},
		{"POST /v1/refunds account=acct_1 keyed=true", "amount=5", "payment_intent=pi_1"},
		{"GET /v1/subscriptions account=acct_1", "status=all"},
		{"DELETE /v1/subscriptions/sub_1 account=acct_1"},
		{"POST /v1/payment_method_configurations/pmc_1 account=acct_1", "card[display_preference][preference]=on"},
	} {
		if !p.sent(want...) {
			t.Errorf("no request holds %q", want)
		}
	}
}

func TestClient_provider_refuses(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"declined": {402, `{"error": {"type": "card_error", "message": "Your card was declined."}}`, apierr.Text(400, "-")},
		"broken":   {400, `{"error": {"type": "invalid_request_error", "message": "No such customer"}}`, nil},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		}))
		client := stripe.New(stripe.Config{SecretKey: "sk_test_123", URL: srv.URL})
		_, err := client.CreatePaymentIntent(t.Context(), "acct_1", "k", app.Payment{CustomerID: "cus_1", Amount: 100})
		_, told := errors.AsType[*apierr.Error](err)
		if err == nil || told != (tt.want != nil) || told && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		srv.Close()
	}
}

// What the account does not have is the caller's mistake.
func TestClient_missing_isToldApart(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such thing"}}`))
	}))
	defer srv.Close()
	client := stripe.New(stripe.Config{SecretKey: "sk_test_123", URL: srv.URL})
	if err := client.SetPaymentMethods(t.Context(), "acct_1", "pmc_9", map[string]bool{"card": true}); !errors.Is(err, app.ErrPaymentMethodConfig) {
		t.Errorf("a configuration: %v", err)
	}
	if intent, err := client.SetupIntent(t.Context(), "acct_1", "seti_9"); intent != nil || err != nil {
		t.Errorf("a setup intent: %v, %v", intent, err)
	}
	if customer, err := client.Customer(t.Context(), "acct_1", "cus_9"); customer != nil || err != nil {
		t.Errorf("a customer: %v, %v", customer, err)
	}
	if err := client.CancelSubscription(t.Context(), "acct_1", "sub_9"); err != nil {
		t.Errorf("the end of a subscription: %v", err)
	}
}

func TestEvent_signature(t *testing.T) {
	client, _ := newClient(t)
	payload := []byte(`{"id": "evt_1", "object": "event", "api_version": "2020-08-27", "type": "invoice.paid", "account": "acct_1", "data": {"object": {"id": "in_1"}}}`)
	sign := func(secret string, at time.Time) string {
		return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: payload, Secret: secret, Timestamp: at}).Header
	}
	event, err := client.Event(payload, sign(webhookSecret, time.Now()))
	if err != nil || event.ID != "evt_1" || event.Type != "invoice.paid" || event.AccountID != "acct_1" || string(event.Object) != `{"id": "in_1"}` {
		t.Errorf("Event = %+v, %v", event, err)
	}
	for name, signature := range map[string]string{
		"another secret": sign("whsec_other", time.Now()), "an hour ago": sign(webhookSecret, time.Now().Add(-time.Hour)), "garbage": "t=1,v1=00", "none": "",
	} {
		if event, err := client.Event(payload, signature); err == nil {
			t.Errorf("%s: %+v", name, event)
		}
	}
	changed := []byte(strings.Replace(string(payload), "in_1", "in_2", 1))
	if event, err := client.Event(changed, sign(webhookSecret, time.Now())); err == nil {
		t.Errorf("another payload: %+v", event)
	}
	unprotected := stripe.New(stripe.Config{SecretKey: secret.Secret("sk_test_123")})
	if event, err := unprotected.Event(payload, sign("", time.Now())); err == nil {
		t.Errorf("without secret: %+v", event)
	}
}
