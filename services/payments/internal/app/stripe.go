package app

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// Stripe is the payment provider. Calls name the connected account they are
// for. Amounts are in US cents. Errors that are the caller's fault, such as a
// card that is declined, are *apierr.Error; without a provider every call fails
// so.
//
// A call with a key that is made again has no further effect and the same
// result.
type Stripe interface {
	// Available is false without a provider.
	Available() bool

	// CreateAccount opens a connected account.
	CreateAccount(ctx context.Context, tenancyID string) (accountID string, err error)
	// CreateAccountLink returns the address of a page that completes the
	// account and leads back to returnURL.
	CreateAccountLink(ctx context.Context, accountID, returnURL string) (url string, err error)
	// Account reads a connected account.
	Account(ctx context.Context, accountID string) (*StripeAccount, error)
	// CreateAccountSession returns the secret of a session for embedded
	// components.
	CreateAccountSession(ctx context.Context, accountID string) (clientSecret string, err error)
	// PaymentMethods lists the ways to pay that the account knows, and the id
	// of the configuration they are in.
	PaymentMethods(ctx context.Context, accountID string) (configID string, methods []PaymentMethodSetting, err error)
	// SetPaymentMethods switches ways to pay on or off, by id. It fails with
	// [ErrPaymentMethodConfig].
	SetPaymentMethods(ctx context.Context, accountID, configID string, on map[string]bool) error

	// FindCustomer returns the id of a customer; empty if there is none.
	FindCustomer(ctx context.Context, accountID string, customer domain.Customer) (customerID string, err error)
	// CreateCustomer creates a customer.
	CreateCustomer(ctx context.Context, accountID, key string, customer domain.Customer) (customerID string, err error)
	// Customer reads a customer; nil if it is deleted or unknown.
	Customer(ctx context.Context, accountID, customerID string) (*StripeCustomer, error)
	// Card reads the newest card of a customer; nil if there is none.
	Card(ctx context.Context, accountID, customerID string) (*Card, error)
	// CreateSetupIntent begins the storing of a card.
	CreateSetupIntent(ctx context.Context, accountID, customerID string) (clientSecret string, err error)
	// SetupIntent reads a setup intent; nil if there is none.
	SetupIntent(ctx context.Context, accountID, setupIntentID string) (*SetupIntent, error)
	// SetDefaultPaymentMethod makes a payment method the one that invoices of
	// the customer are charged to, and returns it if it is a card.
	SetDefaultPaymentMethod(ctx context.Context, accountID, customerID string, customer domain.Customer, paymentMethodID string) (*Card, error)

	// CreatePaymentIntent begins a one-time payment.
	CreatePaymentIntent(ctx context.Context, accountID, key string, payment Payment) (clientSecret *string, err error)
	// CreateSubscription begins a subscription, or charges it at once.
	CreateSubscription(ctx context.Context, accountID, key string, plan Plan) (subscription *StripeSubscription, clientSecret *string, err error)
	// UpdateSubscription turns a subscription into one to another plan.
	UpdateSubscription(ctx context.Context, accountID, key, subscriptionID string, plan Plan) (subscription *StripeSubscription, clientSecret *string, err error)
	// CancelSubscription ends the renewal of a subscription. Cancelling again
	// has no effect.
	CancelSubscription(ctx context.Context, accountID, subscriptionID string) error
	// Subscriptions lists all subscriptions of a customer, ended ones included.
	Subscriptions(ctx context.Context, accountID, customerID string) ([]StripeSubscription, error)
	// LiveSubscriptions lists the ids of all subscriptions on an account that
	// have not ended.
	LiveSubscriptions(ctx context.Context, accountID string) ([]string, error)
	// ReduceSubscription bills a smaller quantity from now on; 0 ends the
	// renewal.
	ReduceSubscription(ctx context.Context, accountID, key, subscriptionID string, quantity int64) error

	// InvoicePayment returns the payment intent that paid an invoice; empty if
	// there is none.
	InvoicePayment(ctx context.Context, accountID, invoiceID string) (paymentIntentID string, err error)
	// Refund sends money back.
	Refund(ctx context.Context, accountID, key string, refund StripeRefund) error

	// Event checks the signature of a body that was sent to the webhook and
	// reads it. Any error means that it is not from the provider.
	Event(payload []byte, signature string) (*StripeEvent, error)
}

// ErrPaymentMethodConfig says that an account has no such configuration of ways
// to pay.
var ErrPaymentMethodConfig = apierr.Text(http.StatusBadRequest, "The account has no such payment method configuration.")

// StripeAccount is the state of a connected account.
type StripeAccount struct {
	ID               string
	ChargesEnabled   bool
	DetailsSubmitted bool
	PayoutsEnabled   bool
	// TenancyID is the branch of a project that it belongs to.
	TenancyID string
}

// PaymentMethodSetting is a way to pay.
type PaymentMethodSetting struct {
	ID, Name                        string
	Enabled, Available, Overridable bool
}

// StripeCustomer is what the provider knows of a customer.
type StripeCustomer struct {
	ID       string
	Metadata map[string]string
}

// Card is a stored card. Unknown figures are zero.
type Card struct {
	ID, Brand, Last4  string
	ExpMonth, ExpYear int32
}

// SetupIntent is the storing of a card.
type SetupIntent struct {
	CustomerID      string
	Succeeded       bool
	PaymentMethodID string
}

// Payment is a one-time payment.
type Payment struct {
	CustomerID string
	// Amount is the total.
	Amount int64
	// Fee is what the platform keeps of it.
	Fee      int64
	Metadata map[string]string
}

// Plan is what a subscription is charged for.
type Plan struct {
	// CustomerID is for new subscriptions.
	CustomerID string
	// Name is shown on invoices.
	Name string
	// UnitAmount is for one of the product.
	UnitAmount int64
	Interval   domain.Interval
	Quantity   int64
	// Fee is what the platform keeps of every invoice, in percent.
	Fee      domain.Decimal
	Metadata map[string]string
	// PaymentMethodID is charged at once, and the change refused if that
	// fails; empty lets the browser confirm the payment.
	PaymentMethodID string
}

// StripeSubscription is a subscription as the provider knows it.
type StripeSubscription struct {
	ID       string
	Status   domain.Status
	Quantity int64
	// HasItems is false for a subscription to nothing.
	HasItems          bool
	PeriodStart       time.Time
	PeriodEnd         time.Time
	CancelAtPeriodEnd bool
	CanceledAt        *time.Time
	EndedAt           *time.Time
	Metadata          map[string]string
}

// StripeRefund is money that is sent back.
type StripeRefund struct {
	PaymentIntentID string
	Amount          int64
	Metadata        map[string]string
}

// StripeEvent is something the provider tells.
type StripeEvent struct {
	ID   string
	Type string
	// AccountID is the connected account it happened on; empty for the
	// platform's own.
	AccountID string
	// Object is what it happened to, as it was then.
	Object json.RawMessage
}

// cancelAtStripe ends the renewal of a subscription at the provider.
func (a *App) cancelAtStripe(ctx context.Context, tenant ids.Tenant, subscription *domain.Subscription) error {
	accountID, err := a.stripeAccount(ctx, tenant)
	if err != nil {
		return err
	}
	return a.stripe.CancelSubscription(ctx, accountID, *subscription.StripeID)
}

// stripeAccount returns the connected account of a branch. It fails when
// payments are not set up.
func (a *App) stripeAccount(ctx context.Context, tenant ids.Tenant) (accountID string, err error) {
	if a.stripe.Available() {
		accountID, err = a.store.StripeAccount(ctx, tenant)
	}
	if err == nil && accountID == "" {
		err = errNotSetUp
	}
	return accountID, err
}

// NoStripe is the absence of a payment provider.
type NoStripe struct{ Stripe }

// Available implements Stripe.
func (NoStripe) Available() bool { return false }

// Event implements Stripe.
func (NoStripe) Event([]byte, string) (*StripeEvent, error) {
	return nil, apierr.Text(400, "Payments are not set up.")
}
