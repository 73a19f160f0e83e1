package grpcapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/principal"
	paymentsv1 "vestibule.dev/proto/payments/v1"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/stripe/memory"
)

const shopConfig = `{"payments": {"testMode": false,
	"items": {"credits": {"displayName": "Credits", "customerType": "user"}},
	"productLines": {"plans": {"customerType": "user"}},
	"products": {
		"basic": {"displayName": "Basic", "customerType": "user", "productLineId": "plans", "isAddOnTo": false, "stackable": true,
			"prices": {"monthly": {"USD": "12.34", "EUR": "11", "interval": [1, "month"]}},
			"includedItems": {"credits": {"quantity": 2.5, "repeat": [1, "month"], "expires": "when-repeated"}}},
		"pro": {"displayName": "Pro", "customerType": "user", "productLineId": "plans", "isAddOnTo": false, "stackable": true,
			"prices": {"once": {"USD": "100"}, "monthly": {"USD": "19.99", "interval": [1, "month"], "freeTrial": [7, "day"]}}, "includedItems": {}},
		"pack": {"displayName": "Pack", "customerType": "user", "isAddOnTo": false, "stackable": true,
			"prices": {"once": {"USD": "2.50"}}, "includedItems": {"credits": {"quantity": 10, "repeat": "never", "expires": "never"}}}
	}}}`

var admin = principal.Principal{ProjectID: "p", BranchID: "main", Access: principal.AccessAdmin}

// shop is a server with a payment provider, and what is asked of it.
type shop struct {
	t      *testing.T
	stripe *memory.Stripe

	products  paymentsv1.ProductServiceClient
	purchases paymentsv1.PurchaseServiceClient
	billing   paymentsv1.BillingServiceClient
	admin     paymentsv1.PaymentAdminServiceClient
	events    paymentsv1.StripeInternalServiceClient
}

// newShop opens a shop whose account may take payments.
func newShop(t *testing.T) *shop {
	t.Helper()
	provider := memory.New(clock.System())
	h := newServerWith(t, shopConfig, provider)
	s := &shop{
		t: t, stripe: provider, products: paymentsv1.NewProductServiceClient(h.Conn), purchases: paymentsv1.NewPurchaseServiceClient(h.Conn),
		billing: paymentsv1.NewBillingServiceClient(h.Conn), admin: paymentsv1.NewPaymentAdminServiceClient(h.Conn),
		events: paymentsv1.NewStripeInternalServiceClient(h.Caller("gateway")),
	}
	set, err := s.admin.SetUpPayments(s.as(admin), &paymentsv1.SetUpPaymentsRequest{})
	for errors.Is(err, apierr.Unavailable(0)) { // the machine is busy with others
		set, err = s.admin.SetUpPayments(s.as(admin), &paymentsv1.SetUpPaymentsRequest{})
	}
	if err != nil || set.GetUrl() != "https://stripe.example/acct_1?back=https://dash.example.com/projects/p/payments" {
		t.Fatalf("SetUpPayments = %v, %v", set, err)
	}
	provider.Open("acct_1")
	return s
}

func (s *shop) as(p principal.Principal) context.Context { return grpctest.As(s.t.Context(), p) }

// session begins the payment of a product.
func (s *shop) session(productID, priceID string, quantity int32) string {
	s.t.Helper()
	created, err := s.purchases.CreatePurchaseURL(s.as(client), &paymentsv1.CreatePurchaseURLRequest{CustomerType: "user", CustomerId: user, ProductId: &productID})
	if err != nil {
		s.t.Fatal(err)
	}
	full := created.GetUrl()[strings.LastIndex(created.GetUrl(), "/")+1:]
	begun, err := s.purchases.CreatePurchaseSession(s.as(principal.Principal{}), &paymentsv1.CreatePurchaseSessionRequest{FullCode: full, PriceId: priceID, Quantity: &quantity})
	if err != nil || begun.ClientSecret == nil {
		s.t.Fatalf("CreatePurchaseSession = %v, %v", begun, err)
	}
	return begun.GetClientSecret()
}

func (s *shop) tell(id, eventType string, object any) {
	s.t.Helper()
	if _, err := s.events.HandleStripeEvent(s.t.Context(), &paymentsv1.HandleStripeEventRequest{
		Payload: memory.Told(id, eventType, "acct_1", object), Signature: memory.Signature,
	}); err != nil {
		s.t.Fatalf("%s: %v", eventType, err)
	}
}

func (s *shop) customerID() string {
	s.t.Helper()
	id, err := s.stripe.FindCustomer(s.t.Context(), "acct_1", domain.Customer{Type: "user", ID: user})
	if err != nil || id == "" {
		s.t.Fatalf("the customer is %q, %v", id, err)
	}
	return id
}

// subscribe buys two basic plans, whose first invoice is paid.
func (s *shop) subscribe() (subscriptionID string) {
	s.t.Helper()
	s.session("basic", "monthly", 2)
	s.stripe.Change("sub_1", func(at *app.StripeSubscription) { at.Status = domain.StatusActive })
	s.tell("evt_1", "invoice.payment_succeeded", map[string]any{
		"id": "in_1", "customer": s.customerID(), "status": "paid", "total": 2468, "billing_reason": "subscription_create",
		"hosted_invoice_url": "https://stripe.example/in_1",
		"lines":              map[string]any{"data": []any{map[string]any{"parent": map[string]any{"subscription_item_details": map[string]any{"subscription": "sub_1"}}}}},
	})
	s.stripe.InvoicePayments["in_1"] = "pi_in_1"
	page, err := s.products.ListProducts(s.as(client), &paymentsv1.ListProductsRequest{CustomerType: "user", CustomerId: user})
	if err != nil || len(page.GetItems()) != 1 || page.GetItems()[0].GetSubscription() == nil {
		s.t.Fatalf("ListProducts = %v, %v", page, err)
	}
	return page.GetItems()[0].GetSubscription().GetSubscriptionId()
}

// wantJSON compares a message with JSON, whose values "*" stand for anything.
func wantJSON(t *testing.T, message proto.Message, want string) {
	t.Helper()
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	var got, wanted any
	if err := errors.Join(json.Unmarshal(text, &got), json.Unmarshal([]byte(want), &wanted)); err != nil {
		t.Fatal(err)
	}
	if !like(got, wanted) {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func like(got, want any) bool {
	if want == "*" {
		return true
	}
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok || len(got) != len(want) {
			return false
		}
		for key := range want {
			if value, ok := got[key]; !ok || !like(value, want[key]) {
				return false
			}
		}
		return true
	case []any:
		got, ok := got.([]any)
		return ok && slices.EqualFunc(got, want, like)
	}
	return got == want
}

func wantText(t *testing.T, err error, status int) {
	t.Helper()
	if known, ok := errors.AsType[*apierr.Error](err); !ok || known.Code != "" || known.HTTP != status {
		t.Errorf("the error is %v, want plain text with status %d", err, status)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if !apierr.HasCode(err, code) {
		t.Errorf("the error is %v, want %s", err, code)
	}
}

func TestBillingService_shapes(t *testing.T) {
	s := newShop(t)
	mine := s.as(client)
	known, err := s.billing.GetBilling(mine, &paymentsv1.GetBillingRequest{CustomerType: "user", CustomerId: user})
	if err != nil {
		t.Fatal(err)
	}
	wantJSON(t, known, `{"has_customer": false, "default_payment_method": null}`)
	setup, err := s.billing.CreateSetupIntent(mine, &paymentsv1.CreateSetupIntentRequest{CustomerType: "user", CustomerId: user})
	if err != nil {
		t.Fatal(err)
	}
	wantJSON(t, setup, `{"client_secret": "seti_1_secret", "stripe_account_id": "acct_1"}`)
	choose := func(id string) (*paymentsv1.SetDefaultPaymentMethodResponse, error) {
		return s.billing.SetDefaultPaymentMethod(mine, &paymentsv1.SetDefaultPaymentMethodRequest{
			CustomerType: "user", CustomerId: user, Choice: &paymentsv1.DefaultPaymentMethodChoice{SetupIntentId: id},
		})
	}
	_, err = choose("seti_1")
	wantText(t, err, 400)
	_, err = choose("seti_9")
	wantText(t, err, 403)
	s.stripe.StoreCard("seti_1")
	chosen, err := choose("seti_1")
	if err != nil {
		t.Fatal(err)
	}
	card := `{"id": "pm_1", "brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2042}`
	wantJSON(t, chosen, `{"success": true, "default_payment_method": `+card+`}`)
	if known, err = s.billing.GetBilling(mine, &paymentsv1.GetBillingRequest{CustomerType: "user", CustomerId: user}); err != nil {
		t.Fatal(err)
	}
	wantJSON(t, known, `{"has_customer": true, "default_payment_method": `+card+`}`)
	_, err = s.billing.SetDefaultPaymentMethod(mine, &paymentsv1.SetDefaultPaymentMethodRequest{CustomerType: "user", CustomerId: user})
	wantCode(t, err, apierr.CodeSchemaError)
	for _, kind := range []string{"custom", ""} {
		_, err = s.billing.GetBilling(mine, &paymentsv1.GetBillingRequest{CustomerType: kind, CustomerId: user})
		wantCode(t, err, apierr.CodeSchemaError)
	}
}

func TestBillingService_invoices(t *testing.T) {
	s := newShop(t)
	s.subscribe()
	s.tell("evt_2", "invoice.created", map[string]any{
		"id": "in_2", "customer": s.customerID(),
		"lines": map[string]any{"data": []any{map[string]any{"parent": map[string]any{"subscription_item_details": map[string]any{"subscription": "sub_1"}}}}},
	})
	list := func(cursor *string, limit int32) (*paymentsv1.ListInvoicesResponse, error) {
		return s.billing.ListInvoices(s.as(client), &paymentsv1.ListInvoicesRequest{CustomerType: "user", CustomerId: user, Cursor: cursor, Limit: &limit})
	}
	page, err := list(nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	unknown := `{"created_at_millis": "*", "status": null, "amount_total": 0, "hosted_invoice_url": null}`
	wantJSON(t, page, `{"items": [`+unknown+`], "is_paginated": true, "pagination": {"next_cursor": "*"}}`)
	if page.GetItems()[0].GetCreatedAtMillis() < 1e12 {
		t.Errorf("the invoice was made at %v", page.GetItems()[0].GetCreatedAtMillis())
	}
	if page, err = list(new(page.GetPagination().GetNextCursor().GetValue()), 2); err != nil {
		t.Fatal(err)
	}
	wantJSON(t, page, `{"items": [{"created_at_millis": "*", "status": "paid", "amount_total": 2468, "hosted_invoice_url": "https://stripe.example/in_1"}],
		"is_paginated": true, "pagination": {"next_cursor": null}}`)
	_, err = list(new("x"), 2)
	wantText(t, err, 400)
	for _, limit := range []int32{0, 101} {
		_, err = list(nil, limit)
		wantCode(t, err, apierr.CodeSchemaError)
	}
}

func TestPaymentAdminService_account(t *testing.T) {
	s := newShop(t)
	info, err := s.admin.GetStripeAccountInfo(s.as(admin), &paymentsv1.GetStripeAccountInfoRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wantJSON(t, info, `{"account_id": "acct_1", "charges_enabled": true, "details_submitted": true, "payouts_enabled": true}`)
	session, err := s.admin.CreateStripeAccountSession(s.as(admin), &paymentsv1.CreateStripeAccountSessionRequest{})
	if err != nil || session.GetClientSecret() != "secret_of_acct_1" {
		t.Errorf("CreateStripeAccountSession = %v, %v", session, err)
	}
	update := func(updates map[string]string) error {
		_, err := s.admin.UpdatePaymentMethodConfig(s.as(admin), &paymentsv1.UpdatePaymentMethodConfigRequest{ConfigId: "pmc_1", Updates: updates})
		return err
	}
	if err := errors.Join(update(map[string]string{"link": "on", "card": "off"}), update(nil)); err != nil {
		t.Error(err)
	}
	for _, updates := range []map[string]string{{"cash": "on"}, {"card": "maybe"}} {
		wantCode(t, update(updates), apierr.CodeSchemaError)
	}
	_, err = s.admin.UpdatePaymentMethodConfig(s.as(admin), &paymentsv1.UpdatePaymentMethodConfigRequest{ConfigId: "pmc_9", Updates: map[string]string{"card": "on"}})
	wantText(t, err, 400)
	methods, err := s.admin.GetPaymentMethodConfig(s.as(admin), &paymentsv1.GetPaymentMethodConfigRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wantJSON(t, methods, `{"config_id": "pmc_1", "methods": [
		{"id": "card", "name": "Cards", "enabled": false, "available": true, "overridable": true},
		{"id": "link", "name": "Link", "enabled": true, "available": true, "overridable": false},
		{"id": "sepa_debit", "name": "SEPA Direct Debit", "enabled": false, "available": false, "overridable": false}]}`)
	for _, who := range []principal.Principal{server, client} {
		_, err := s.admin.SetUpPayments(s.as(who), &paymentsv1.SetUpPaymentsRequest{})
		wantCode(t, err, apierr.CodeInsufficientAccessType)
	}
	other := principal.Principal{ProjectID: "q", BranchID: "main", Access: principal.AccessAdmin}
	_, err = s.admin.GetStripeAccountInfo(s.as(other), &paymentsv1.GetStripeAccountInfoRequest{})
	wantCode(t, err, apierr.CodeStripeAccountInfoNotFound)
}

func TestPaymentAdminService_transactionsAndRefund(t *testing.T) {
	s := newShop(t)
	id := s.subscribe()
	list := func(request *paymentsv1.ListTransactionsRequest) *paymentsv1.ListTransactionsResponse {
		t.Helper()
		page, err := s.admin.ListTransactions(s.as(admin), request)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	entry := func(kind, rest string) string {
		return `{"type": "` + kind + `", "customer_type": "user", "customer_id": "` + user + `", "adjusted_transaction_id": null, "adjusted_entry_index": null, ` + rest + `}`
	}
	entries := `[` + entry("product_grant", `"product_id": "basic", "price_id": "monthly", "quantity": 2, "subscription_id": "`+id+`", "product": "*"`) + `,` +
		entry("money_transfer", `"charged_amount": {"USD": "24.68", "EUR": "22"}, "net_amount": {"USD": "24.68"}`) + `,` +
		entry("item_quantity_change", `"item_id": "credits", "quantity": 5`) + `]`
	shown := func(adjusted string) string {
		return `{"transactions": [{"id": "` + id + `", "type": "purchase", "created_at_millis": "*", "effective_at_millis": "*",
			"entries": ` + entries + `, "adjusted_by": ` + adjusted + `, "test_mode": false}], "next_cursor": null}`
	}
	wantJSON(t, list(&paymentsv1.ListTransactionsRequest{Limit: new("what?")}), shown(`[]`))
	wantJSON(t, list(&paymentsv1.ListTransactionsRequest{Type: new("chargeback")}), `{"transactions": [], "next_cursor": null}`)
	wantJSON(t, list(&paymentsv1.ListTransactionsRequest{CustomerType: new("team")}), `{"transactions": [], "next_cursor": null}`)
	for _, request := range []*paymentsv1.ListTransactionsRequest{{Type: new("gift")}, {CustomerType: new("robot")}} {
		_, err := s.admin.ListTransactions(s.as(admin), request)
		wantCode(t, err, apierr.CodeSchemaError)
	}
	for _, cursor := range []string{"!", "e30", "bm90IGpzb24"} {
		_, err := s.admin.ListTransactions(s.as(admin), &paymentsv1.ListTransactionsRequest{Cursor: &cursor})
		wantText(t, err, 400)
	}

	refund := func(kind, id, amount, key string, quantity int32) error {
		request := &paymentsv1.RefundPurchaseRequest{Type: kind, Id: id, RefundEntries: []*paymentsv1.RefundEntry{{Quantity: quantity, AmountUsd: amount}}}
		if key != "" {
			request.IdempotencyKey = &key
		}
		_, err := s.admin.RefundPurchase(s.as(admin), request)
		return err
	}
	for _, amount := range []string{"-1", "1.234", "", "1e3", "01", "24.69"} {
		wantCode(t, refund("subscription", id, amount, "", 1), apierr.CodeSchemaError)
	}
	wantCode(t, refund("gift", id, "1", "", 1), apierr.CodeSchemaError)
	wantCode(t, refund("subscription", "x", "1", "", 1), apierr.CodeSubscriptionInvoiceNotFound)
	wantCode(t, refund("one-time-purchase", id, "1", "", 1), apierr.CodeOneTimePurchaseNotFound)
	for range 2 {
		if err := refund("subscription", id, "12.3", "k", 1); err != nil {
			t.Error(err)
		}
	}
	wantText(t, refund("subscription", id, "12.31", "k", 1), 409)
	wantCode(t, refund("subscription", id, "12.3", "", 1), apierr.CodeSubscriptionAlreadyRefunded)
	if len(s.stripe.Refunds) != 1 || s.stripe.Refunds[0].Amount != 1230 || s.stripe.Refunds[0].PaymentIntentID != "pi_in_1" {
		t.Errorf("the refunds are %+v", s.stripe.Refunds)
	}
	wantJSON(t, list(&paymentsv1.ListTransactionsRequest{}), shown(`[{"transaction_id": "`+id+`:refund", "entry_index": 0}]`))
}

func TestProductService_switch(t *testing.T) {
	s := newShop(t)
	s.subscribe()
	change := func(request *paymentsv1.SubscriptionSwitch) error {
		_, err := s.products.SwitchSubscription(s.as(client), &paymentsv1.SwitchSubscriptionRequest{CustomerType: "user", CustomerId: user, Change: request})
		return err
	}
	page, err := s.products.ListProducts(s.as(client), &paymentsv1.ListProductsRequest{CustomerType: "user", CustomerId: user})
	if err != nil {
		t.Fatal(err)
	}
	owned := page.GetItems()[0]
	if options := owned.GetSwitchOptions().AsSlice(); len(options) != 1 || options[0].(map[string]any)["product_id"] != "pro" {
		t.Errorf("the options are %v", options)
	} else if prices := options[0].(map[string]any)["product"].(map[string]any)["prices"].(map[string]any); len(prices) != 1 || prices["monthly"].(map[string]any)["USD"] != "19.99" {
		t.Errorf("the prices to switch to are %v", prices)
	}
	if owned.GetType() != "subscription" || owned.GetQuantity() != 2 || owned.GetId().GetValue() != "basic" || !owned.GetSubscription().GetIsCancelable() ||
		!strings.HasSuffix(owned.GetSubscription().GetCurrentPeriodEnd().GetValue(), "Z") {
		t.Errorf("the customer owns %v", owned)
	}
	wantCode(t, change(&paymentsv1.SubscriptionSwitch{FromProductId: "basic", ToProductId: "pro"}), apierr.CodeDefaultPaymentMethodRequired)
	if _, err := s.billing.CreateSetupIntent(s.as(client), &paymentsv1.CreateSetupIntentRequest{CustomerType: "user", CustomerId: user}); err != nil {
		t.Fatal(err)
	}
	s.stripe.StoreCard("seti_1")
	wantCode(t, change(nil), apierr.CodeSchemaError)
	wantCode(t, change(&paymentsv1.SubscriptionSwitch{FromProductId: "basic", ToProductId: "pro", Quantity: new(int32(0))}), apierr.CodeSchemaError)
	wantText(t, change(&paymentsv1.SubscriptionSwitch{FromProductId: "basic", ToProductId: "gold"}), 400)
	wantText(t, change(&paymentsv1.SubscriptionSwitch{FromProductId: "basic", ToProductId: "pro", PriceId: new("once")}), 400)
	if err := change(&paymentsv1.SubscriptionSwitch{FromProductId: "basic", ToProductId: "pro", PriceId: new("monthly"), Quantity: new(int32(3))}); err != nil {
		t.Error(err)
	}
	if plan := s.stripe.Plans[len(s.stripe.Plans)-1]; plan.Quantity != 3 || plan.UnitAmount != 1999 {
		t.Errorf("the plan is %+v", plan)
	}
}

func TestProductService_grantAndCancel(t *testing.T) {
	s := newShop(t)
	grant := func(as principal.Principal, grant *paymentsv1.ProductGrant) (*paymentsv1.GrantProductResponse, error) {
		return s.products.GrantProduct(s.as(as), &paymentsv1.GrantProductRequest{CustomerType: "user", CustomerId: user, Grant: grant})
	}
	_, err := grant(client, &paymentsv1.ProductGrant{ProductId: new("pack")})
	wantCode(t, err, apierr.CodeInsufficientAccessType)
	_, err = grant(server, nil)
	wantCode(t, err, apierr.CodeSchemaError)
	_, err = grant(server, &paymentsv1.ProductGrant{})
	wantText(t, err, 400)
	_, err = grant(server, &paymentsv1.ProductGrant{ProductId: new("credits")})
	wantCode(t, err, apierr.CodeProductDoesNotExist)
	once, err := grant(server, &paymentsv1.ProductGrant{ProductId: new("pack"), Quantity: new(int32(2))})
	if err != nil || !once.GetSuccess() || once.SubscriptionId != nil {
		t.Errorf("GrantProduct = %v, %v", once, err)
	}
	monthly, err := grant(server, &paymentsv1.ProductGrant{ProductId: new("basic")})
	if err != nil || monthly.SubscriptionId == nil {
		t.Fatalf("GrantProduct = %v, %v", monthly, err)
	}
	cancel := func(productID string, subscriptionID *string) error {
		_, err := s.products.CancelProduct(s.as(client), &paymentsv1.CancelProductRequest{
			CustomerType: "user", CustomerId: user, ProductId: productID, SubscriptionId: subscriptionID,
		})
		return err
	}
	wantText(t, cancel("pack", nil), 400)
	wantCode(t, cancel("gold", nil), apierr.CodeProductDoesNotExist)
	if err := cancel("anything", monthly.SubscriptionId); err != nil {
		t.Error(err)
	}
	wantText(t, cancel("basic", nil), 400)
}

// Nobody but the gateway hands over what the payment provider says.
func TestStripeInternalService_refusals(t *testing.T) {
	h := newServerWith(t, shopConfig, memory.New(clock.System()))
	request := &paymentsv1.HandleStripeEventRequest{Payload: memory.Told("e", "account.updated", "acct_1", nil), Signature: memory.Signature}
	for name, conn := range map[string]paymentsv1.StripeInternalServiceClient{
		"a user":          paymentsv1.NewStripeInternalServiceClient(h.Conn),
		"another service": paymentsv1.NewStripeInternalServiceClient(h.Caller("teams")),
	} {
		if _, err := conn.HandleStripeEvent(grpctest.As(t.Context(), admin), request); err == nil {
			t.Errorf("%s tells what the provider said", name)
		}
	}
	events := paymentsv1.NewStripeInternalServiceClient(h.Caller("gateway"))
	if _, err := events.HandleStripeEvent(t.Context(), request); err != nil {
		t.Error(err)
	}
	request.Signature = "forged"
	_, err := events.HandleStripeEvent(t.Context(), request)
	wantText(t, err, 400)
	request.Signature = ""
	_, err = events.HandleStripeEvent(t.Context(), request)
	wantCode(t, err, apierr.CodeSchemaError)
}
