package stripe

import (
	"context"

	stripego "github.com/stripe/stripe-go/v84"

	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
)

const (
	currency = "usd"
	// withSecret asks for the secret that confirms the first payment.
	withSecret = "latest_invoice.confirmation_secret"
)

// CreatePaymentIntent implements app.Stripe.
func (c *Client) CreatePaymentIntent(ctx context.Context, accountID, key string, payment app.Payment) (*string, error) {
	params := &stripego.PaymentIntentCreateParams{
		Params: on(accountID, key), Amount: &payment.Amount, Currency: new(currency), Customer: &payment.CustomerID,
		AutomaticPaymentMethods: &stripego.PaymentIntentCreateAutomaticPaymentMethodsParams{Enabled: new(true)},
		Metadata:                payment.Metadata,
	}
	if payment.Fee > 0 {
		params.ApplicationFeeAmount = &payment.Fee
	}
	intent, err := c.api.V1PaymentIntents.Create(ctx, params)
	if err != nil {
		return nil, explained(err)
	}
	var answer struct {
		ClientSecret *string `json:"client_secret"`
	}
	err = read(intent.LastResponse, &answer)
	return answer.ClientSecret, err
}

// addFee says what the platform keeps of every invoice. The library's field is a
// floating-point number.
func addFee(params *stripego.Params, plan app.Plan) {
	if plan.Fee.Sign() > 0 {
		params.AddExtra("application_fee_percent", plan.Fee.String())
	}
}

// product creates what an invoice shows as sold.
func (c *Client) product(ctx context.Context, accountID, key, name string) (string, error) {
	product, err := c.api.V1Products.Create(ctx, &stripego.ProductCreateParams{Params: on(accountID, key+"/product"), Name: &name})
	if err != nil {
		return "", err
	}
	return product.ID, nil
}

// CreateSubscription implements app.Stripe.
func (c *Client) CreateSubscription(ctx context.Context, accountID, key string, plan app.Plan) (*app.StripeSubscription, *string, error) {
	productID, err := c.product(ctx, accountID, key, plan.Name)
	if err != nil {
		return nil, nil, err
	}
	params := &stripego.SubscriptionCreateParams{
		Params: on(accountID, key), Customer: &plan.CustomerID, PaymentBehavior: new("default_incomplete"),
		PaymentSettings: &stripego.SubscriptionCreatePaymentSettingsParams{SaveDefaultPaymentMethod: new("on_subscription")},
		Items: []*stripego.SubscriptionCreateItemParams{{
			Quantity: &plan.Quantity,
			PriceData: &stripego.SubscriptionCreateItemPriceDataParams{
				Currency: new(currency), UnitAmount: &plan.UnitAmount, Product: &productID,
				Recurring: &stripego.SubscriptionCreateItemPriceDataRecurringParams{Interval: &plan.Interval.Unit, IntervalCount: &plan.Interval.Count},
			},
		}},
		Metadata: plan.Metadata,
	}
	if plan.PaymentMethodID != "" {
		params.PaymentBehavior, params.DefaultPaymentMethod = new("error_if_incomplete"), &plan.PaymentMethodID
	}
	addFee(&params.Params, plan)
	params.AddExpand(withSecret)
	created, err := c.api.V1Subscriptions.Create(ctx, params)
	if err != nil {
		return nil, nil, explained(err)
	}
	return begun(created)
}

// UpdateSubscription implements app.Stripe.
func (c *Client) UpdateSubscription(ctx context.Context, accountID, key, subscriptionID string, plan app.Plan) (*app.StripeSubscription, *string, error) {
	current, err := c.api.V1Subscriptions.Retrieve(ctx, subscriptionID, &stripego.SubscriptionRetrieveParams{Params: on(accountID, "")})
	if err != nil {
		return nil, nil, err
	}
	productID, err := c.product(ctx, accountID, key, plan.Name)
	if err != nil {
		return nil, nil, err
	}
	item := &stripego.SubscriptionUpdateItemParams{
		Quantity: &plan.Quantity,
		PriceData: &stripego.SubscriptionUpdateItemPriceDataParams{
			Currency: new(currency), UnitAmount: &plan.UnitAmount, Product: &productID,
			Recurring: &stripego.SubscriptionUpdateItemPriceDataRecurringParams{Interval: &plan.Interval.Unit, IntervalCount: &plan.Interval.Count},
		},
	}
	if current.Items != nil && len(current.Items.Data) > 0 {
		item.ID = &current.Items.Data[0].ID
	}
	params := &stripego.SubscriptionUpdateParams{
		Params: on(accountID, key), PaymentBehavior: new("default_incomplete"),
		PaymentSettings: &stripego.SubscriptionUpdatePaymentSettingsParams{SaveDefaultPaymentMethod: new("on_subscription")},
		Items:           []*stripego.SubscriptionUpdateItemParams{item},
		Metadata:        plan.Metadata,
	}
	if plan.PaymentMethodID != "" {
		params.PaymentBehavior, params.DefaultPaymentMethod = new("error_if_incomplete"), &plan.PaymentMethodID
	}
	addFee(&params.Params, plan)
	params.AddExpand(withSecret)
	updated, err := c.api.V1Subscriptions.Update(ctx, subscriptionID, params)
	if err != nil {
		return nil, nil, explained(err)
	}
	return begun(updated)
}

// begun reads a subscription and the secret that confirms its latest payment,
// where older versions of the API have it too.
func begun(subscription *stripego.Subscription) (*app.StripeSubscription, *string, error) {
	var answer struct {
		LatestInvoice struct {
			ConfirmationSecret struct {
				ClientSecret *string `json:"client_secret"`
			} `json:"confirmation_secret"`
			PaymentIntent struct {
				ClientSecret *string `json:"client_secret"`
			} `json:"payment_intent"`
		} `json:"latest_invoice"`
	}
	// An invoice that was not expanded is its id alone.
	secret := (*string)(nil)
	if read(subscription.LastResponse, &answer) == nil {
		if secret = answer.LatestInvoice.ConfirmationSecret.ClientSecret; secret == nil {
			secret = answer.LatestInvoice.PaymentIntent.ClientSecret
		}
	}
	return new(toSubscription(subscription)), secret, nil
}

func toSubscription(subscription *stripego.Subscription) app.StripeSubscription {
	read := app.StripeSubscription{
		ID: subscription.ID, Status: domain.Status(subscription.Status), CancelAtPeriodEnd: subscription.CancelAtPeriodEnd,
		CanceledAt: moment(subscription.CanceledAt), EndedAt: moment(subscription.EndedAt), Metadata: subscription.Metadata,
	}
	if subscription.Items != nil && len(subscription.Items.Data) > 0 {
		item := subscription.Items.Data[0]
		read.HasItems, read.Quantity = true, item.Quantity
		if start := moment(item.CurrentPeriodStart); start != nil {
			read.PeriodStart = *start
		}
		if end := moment(item.CurrentPeriodEnd); end != nil {
			read.PeriodEnd = *end
		}
	}
	return read
}

// CancelSubscription implements app.Stripe.
func (c *Client) CancelSubscription(ctx context.Context, accountID, subscriptionID string) error {
	_, err := c.api.V1Subscriptions.Cancel(ctx, subscriptionID, &stripego.SubscriptionCancelParams{Params: on(accountID, "")})
	if missing(err) {
		return nil // it is cancelled
	}
	return err
}

// Subscriptions implements app.Stripe.
func (c *Client) Subscriptions(ctx context.Context, accountID, customerID string) ([]app.StripeSubscription, error) {
	var all []app.StripeSubscription
	params := &stripego.SubscriptionListParams{ListParams: listed(accountID, pageSize), Customer: &customerID, Status: new("all")}
	for subscription, err := range c.api.V1Subscriptions.List(ctx, params) {
		if err != nil {
			return nil, err
		}
		all = append(all, toSubscription(subscription))
	}
	return all, nil
}

// LiveSubscriptions implements app.Stripe.
func (c *Client) LiveSubscriptions(ctx context.Context, accountID string) ([]string, error) {
	var live []string
	for subscription, err := range c.api.V1Subscriptions.List(ctx, &stripego.SubscriptionListParams{ListParams: listed(accountID, pageSize), Status: new("all")}) {
		if err != nil {
			return nil, err
		}
		if !domain.Status(subscription.Status).Over() {
			live = append(live, subscription.ID)
		}
	}
	return live, nil
}

// ReduceSubscription implements app.Stripe.
func (c *Client) ReduceSubscription(ctx context.Context, accountID, key, subscriptionID string, quantity int64) error {
	params := &stripego.SubscriptionUpdateParams{Params: on(accountID, key)}
	if quantity == 0 {
		params.CancelAtPeriodEnd = new(true)
	} else {
		current, err := c.api.V1Subscriptions.Retrieve(ctx, subscriptionID, &stripego.SubscriptionRetrieveParams{Params: on(accountID, "")})
		if err != nil {
			return err
		}
		item := &stripego.SubscriptionUpdateItemParams{Quantity: &quantity}
		if current.Items != nil && len(current.Items.Data) > 0 {
			item.ID = &current.Items.Data[0].ID
		}
		params.Items = []*stripego.SubscriptionUpdateItemParams{item}
		// The money has been sent back.
		params.ProrationBehavior = new("none")
	}
	_, err := c.api.V1Subscriptions.Update(ctx, subscriptionID, params)
	return err
}

// InvoicePayment implements app.Stripe.
func (c *Client) InvoicePayment(ctx context.Context, accountID, invoiceID string) (string, error) {
	params := &stripego.InvoicePaymentListParams{ListParams: listed(accountID, pageSize), Invoice: &invoiceID, Status: new("paid")}
	for payment, err := range c.api.V1InvoicePayments.List(ctx, params) {
		if err != nil {
			return "", err
		}
		if payment.Payment != nil && payment.Payment.PaymentIntent != nil {
			return payment.Payment.PaymentIntent.ID, nil
		}
	}
	return "", nil
}

// Refund implements app.Stripe.
func (c *Client) Refund(ctx context.Context, accountID, key string, refund app.StripeRefund) error {
	_, err := c.api.V1Refunds.Create(ctx, &stripego.RefundCreateParams{
		Params: on(accountID, key), PaymentIntent: &refund.PaymentIntentID, Amount: &refund.Amount, Metadata: refund.Metadata,
	})
	return explained(err)
}
