package stripe

import (
	"context"
	"fmt"
	"strings"

	stripego "github.com/stripe/stripe-go/v84"

	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
)

const (
	// listedPages bounds how far the list of customers is read, since a search
	// does not find those that were made just now.
	listedPages = 10
	pageSize    = 100
)

// FindCustomer implements app.Stripe.
func (c *Client) FindCustomer(ctx context.Context, accountID string, customer domain.Customer) (string, error) {
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(customer.ID)
	search := &stripego.CustomerSearchParams{SearchParams: stripego.SearchParams{
		Query: "metadata['customerId']:'" + quoted + "'", StripeAccount: &accountID, Limit: new(int64(pageSize)),
	}}
	found := map[string]bool{}
	for known, err := range c.api.V1Customers.Search(ctx, search) {
		if err != nil {
			return "", err
		}
		if matches(known, customer) {
			found[known.ID] = true
		}
	}
	if len(found) == 0 {
		seen := 0
		for known, err := range c.api.V1Customers.List(ctx, &stripego.CustomerListParams{ListParams: listed(accountID, pageSize)}) {
			if err != nil {
				return "", err
			}
			if matches(known, customer) {
				found[known.ID] = true
			}
			if seen++; seen == listedPages*pageSize {
				break
			}
		}
	}
	if len(found) > 1 {
		return "", fmt.Errorf("the payment provider knows %d customers for one", len(found))
	}
	for id := range found {
		return id, nil
	}
	return "", nil
}

// matches compares a customer with one of the provider, whose type may be
// unknown.
func matches(known *stripego.Customer, customer domain.Customer) bool {
	want := app.CustomerMetadata(customer)
	kind := known.Metadata["customerType"]
	return !known.Deleted && known.Metadata["customerId"] == want["customerId"] && (kind == "" || strings.EqualFold(kind, want["customerType"]))
}

// CreateCustomer implements app.Stripe.
func (c *Client) CreateCustomer(ctx context.Context, accountID, key string, customer domain.Customer) (string, error) {
	created, err := c.api.V1Customers.Create(ctx, &stripego.CustomerCreateParams{Params: on(accountID, key), Metadata: app.CustomerMetadata(customer)})
	if err != nil {
		return "", err
	}
	return created.ID, nil
}

// Customer implements app.Stripe.
func (c *Client) Customer(ctx context.Context, accountID, customerID string) (*app.StripeCustomer, error) {
	known, err := c.api.V1Customers.Retrieve(ctx, customerID, &stripego.CustomerRetrieveParams{Params: on(accountID, "")})
	switch {
	case missing(err):
		return nil, nil
	case err != nil:
		return nil, err
	case known.Deleted:
		return nil, nil
	}
	return &app.StripeCustomer{ID: known.ID, Metadata: known.Metadata}, nil
}

// Card implements app.Stripe.
func (c *Client) Card(ctx context.Context, accountID, customerID string) (*app.Card, error) {
	params := &stripego.CustomerListPaymentMethodsParams{ListParams: listed(accountID, 1), Customer: &customerID, Type: new("card")}
	for method, err := range c.api.V1Customers.ListPaymentMethods(ctx, params) {
		if err != nil {
			return nil, err
		}
		return card(method), nil
	}
	return nil, nil
}

// card reads a payment method; nil if it is no card.
func card(method *stripego.PaymentMethod) *app.Card {
	if method.Card == nil {
		return nil
	}
	return &app.Card{
		ID: method.ID, Brand: string(method.Card.Brand), Last4: method.Card.Last4,
		ExpMonth: int32(method.Card.ExpMonth), ExpYear: int32(method.Card.ExpYear),
	}
}

// CreateSetupIntent implements app.Stripe.
func (c *Client) CreateSetupIntent(ctx context.Context, accountID, customerID string) (string, error) {
	intent, err := c.api.V1SetupIntents.Create(ctx, &stripego.SetupIntentCreateParams{
		Params: on(accountID, ""), Customer: &customerID, Usage: new("off_session"), PaymentMethodTypes: []*string{new("card")},
	})
	if err != nil {
		return "", err
	}
	return intent.ClientSecret, nil
}

// SetupIntent implements app.Stripe.
func (c *Client) SetupIntent(ctx context.Context, accountID, setupIntentID string) (*app.SetupIntent, error) {
	intent, err := c.api.V1SetupIntents.Retrieve(ctx, setupIntentID, &stripego.SetupIntentRetrieveParams{Params: on(accountID, "")})
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	read := &app.SetupIntent{Succeeded: intent.Status == stripego.SetupIntentStatusSucceeded}
	if intent.Customer != nil {
		read.CustomerID = intent.Customer.ID
	}
	if intent.PaymentMethod != nil {
		read.PaymentMethodID = intent.PaymentMethod.ID
	}
	return read, nil
}

// SetDefaultPaymentMethod implements app.Stripe.
func (c *Client) SetDefaultPaymentMethod(ctx context.Context, accountID, customerID string, customer domain.Customer, paymentMethodID string) (*app.Card, error) {
	metadata := app.CustomerMetadata(customer)
	metadata["defaultPaymentMethodId"], metadata["default_payment_method_id"], metadata["hasPaymentMethod"] = paymentMethodID, paymentMethodID, "true"
	_, err := c.api.V1Customers.Update(ctx, customerID, &stripego.CustomerUpdateParams{
		Params: on(accountID, ""), Metadata: metadata,
		InvoiceSettings: &stripego.CustomerUpdateInvoiceSettingsParams{DefaultPaymentMethod: &paymentMethodID},
	})
	if err != nil {
		return nil, explained(err)
	}
	method, err := c.api.V1PaymentMethods.Retrieve(ctx, paymentMethodID, &stripego.PaymentMethodRetrieveParams{Params: on(accountID, "")})
	if err != nil {
		return nil, err
	}
	return card(method), nil
}
