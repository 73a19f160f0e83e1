// Package memory promises a payment provider in the memory of a test: it does
// what it is asked, calls itself names that can be foretold, and takes orders
// about what happens next.
package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
)

// Signature is the one that payloads of [Stripe.Told] carry.
const Signature = "signed"

// Payment is a one-time payment and what it was begun with.
type Payment struct {
	app.Payment

	ID string
}

// Stripe implements app.Stripe.
type Stripe struct {
	clock clock.Clock

	mu       sync.Mutex
	counters map[string]int
	// done are the results of calls with a key.
	done          map[string]any
	accounts      map[string]*app.StripeAccount
	customers     map[string]app.StripeCustomer
	cards         map[string]app.Card
	setups        map[string]app.SetupIntent
	subscriptions map[string]*subscription
	methods       []app.PaymentMethodSetting

	// Payments are the one-time payments that were begun, in order.
	Payments []Payment
	// Refunds is the money that was sent back, in order.
	Refunds []app.StripeRefund
	// Plans are what subscriptions were created with or updated to, in order.
	Plans []app.Plan
	// InvoicePayments are the payments of invoices, by invoice.
	InvoicePayments map[string]string
	// Broken makes every call fail that is not about events.
	Broken error
	// Canceled are the subscriptions that were told to end, in order.
	Canceled []string
	// BeforeReading is called before the subscriptions of a customer are read.
	BeforeReading func()
	// AfterBeginning is called after a one-time payment was begun.
	AfterBeginning func()
}

type subscription struct {
	app.StripeSubscription

	customerID string
}

// New returns a provider without anything.
func New(c clock.Clock) *Stripe {
	return &Stripe{
		clock: c, counters: map[string]int{}, done: map[string]any{}, accounts: map[string]*app.StripeAccount{},
		customers: map[string]app.StripeCustomer{}, cards: map[string]app.Card{}, setups: map[string]app.SetupIntent{},
		subscriptions: map[string]*subscription{}, InvoicePayments: map[string]string{},
		methods: []app.PaymentMethodSetting{
			{ID: "sepa_debit", Name: "SEPA Direct Debit", Available: false}, {ID: "link", Name: "Link", Available: true},
			{ID: "card", Name: "Cards", Available: true, Enabled: true, Overridable: true},
		},
	}
}

// id makes up the next id of a kind. The lock must be held.
func (s *Stripe) id(kind string) string {
	s.counters[kind]++
	return fmt.Sprintf("%s_%d", kind, s.counters[kind])
}

// do makes one call at a time.
func do[T any](s *Stripe, call func() (T, error)) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Broken != nil {
		var none T
		return none, s.Broken
	}
	return call()
}

// once makes a call with the key once.
func once[T any](s *Stripe, key string, call func() (T, error)) (T, error) {
	return do(s, func() (T, error) {
		if result, ok := s.done[key].(T); ok && key != "" {
			return result, nil
		}
		result, err := call()
		if err == nil {
			s.done[key] = result
		}
		return result, err
	})
}

// Available implements app.Stripe.
func (*Stripe) Available() bool { return true }

// CreateAccount implements app.Stripe.
func (s *Stripe) CreateAccount(_ context.Context, tenancyID string) (string, error) {
	return do(s, func() (string, error) {
		id := s.id("acct")
		s.accounts[id] = &app.StripeAccount{ID: id, TenancyID: tenancyID}
		return id, nil
	})
}

// CreateAccountLink implements app.Stripe.
func (s *Stripe) CreateAccountLink(_ context.Context, accountID, returnURL string) (string, error) {
	return do(s, func() (string, error) { return "https://stripe.example/" + accountID + "?back=" + returnURL, nil })
}

// Account implements app.Stripe.
func (s *Stripe) Account(_ context.Context, accountID string) (*app.StripeAccount, error) {
	return do(s, func() (*app.StripeAccount, error) {
		if account := s.accounts[accountID]; account != nil {
			return new(*account), nil
		}
		return nil, errors.New("there is no such account")
	})
}

// Open says that an account may take payments.
func (s *Stripe) Open(accountID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	account := s.accounts[accountID]
	account.ChargesEnabled, account.DetailsSubmitted, account.PayoutsEnabled = true, true, true
}

// CreateAccountSession implements app.Stripe.
func (s *Stripe) CreateAccountSession(_ context.Context, accountID string) (string, error) {
	return do(s, func() (string, error) { return "secret_of_" + accountID, nil })
}

// PaymentMethods implements app.Stripe.
func (s *Stripe) PaymentMethods(context.Context, string) (string, []app.PaymentMethodSetting, error) {
	methods, err := do(s, func() ([]app.PaymentMethodSetting, error) { return slices.Clone(s.methods), nil })
	return "pmc_1", methods, err
}

// SetPaymentMethods implements app.Stripe.
func (s *Stripe) SetPaymentMethods(_ context.Context, _, configID string, on map[string]bool) error {
	_, err := do(s, func() (bool, error) {
		if configID != "pmc_1" {
			return false, app.ErrPaymentMethodConfig
		}
		for i := range s.methods {
			if value, ok := on[s.methods[i].ID]; ok {
				s.methods[i].Enabled = value
			}
		}
		return true, nil
	})
	return err
}

// FindCustomer implements app.Stripe.
func (s *Stripe) FindCustomer(_ context.Context, accountID string, customer domain.Customer) (string, error) {
	return do(s, func() (string, error) {
		for id, known := range s.customers {
			if strings.HasSuffix(id, "@"+accountID) && maps.Equal(known.Metadata, app.CustomerMetadata(customer)) {
				return id, nil
			}
		}
		return "", nil
	})
}

// CreateCustomer implements app.Stripe.
func (s *Stripe) CreateCustomer(_ context.Context, accountID, key string, customer domain.Customer) (string, error) {
	return once(s, key, func() (string, error) {
		id := s.id("cus") + "@" + accountID
		s.customers[id] = app.StripeCustomer{ID: id, Metadata: app.CustomerMetadata(customer)}
		return id, nil
	})
}

// Customer implements app.Stripe.
func (s *Stripe) Customer(_ context.Context, _, customerID string) (*app.StripeCustomer, error) {
	return do(s, func() (*app.StripeCustomer, error) {
		if known, ok := s.customers[customerID]; ok {
			return &known, nil
		}
		return nil, nil
	})
}

// Customers counts the customers.
func (s *Stripe) Customers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.customers)
}

// Card implements app.Stripe.
func (s *Stripe) Card(_ context.Context, _, customerID string) (*app.Card, error) {
	return do(s, func() (*app.Card, error) {
		if card, ok := s.cards[customerID]; ok {
			return &card, nil
		}
		return nil, nil
	})
}

// CreateSetupIntent implements app.Stripe.
func (s *Stripe) CreateSetupIntent(_ context.Context, _, customerID string) (string, error) {
	return do(s, func() (string, error) {
		id := s.id("seti")
		s.setups[id] = app.SetupIntent{CustomerID: customerID}
		return id + "_secret", nil
	})
}

// StoreCard does what a person does who enters a card.
func (s *Stripe) StoreCard(setupIntentID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	intent := s.setups[setupIntentID]
	intent.Succeeded, intent.PaymentMethodID = true, s.id("pm")
	s.setups[setupIntentID] = intent
	s.cards[intent.CustomerID] = app.Card{ID: intent.PaymentMethodID, Brand: "visa", Last4: "4242", ExpMonth: 4, ExpYear: 2042}
}

// SetupIntent implements app.Stripe.
func (s *Stripe) SetupIntent(_ context.Context, _, setupIntentID string) (*app.SetupIntent, error) {
	return do(s, func() (*app.SetupIntent, error) {
		if intent, ok := s.setups[setupIntentID]; ok {
			return &intent, nil
		}
		return nil, nil
	})
}

// SetDefaultPaymentMethod implements app.Stripe.
func (s *Stripe) SetDefaultPaymentMethod(ctx context.Context, accountID, customerID string, _ domain.Customer, _ string) (*app.Card, error) {
	return s.Card(ctx, accountID, customerID)
}

// CreatePaymentIntent implements app.Stripe.
func (s *Stripe) CreatePaymentIntent(_ context.Context, _, key string, payment app.Payment) (*string, error) {
	if s.AfterBeginning != nil {
		defer s.AfterBeginning()
	}
	return once(s, key, func() (*string, error) {
		id := s.id("pi")
		s.Payments = append(s.Payments, Payment{Payment: payment, ID: id})
		return new(id + "_secret"), nil
	})
}

// begun is a subscription and the secret that confirms it.
type begun struct {
	subscription app.StripeSubscription
	secret       *string
}

// CreateSubscription implements app.Stripe.
func (s *Stripe) CreateSubscription(_ context.Context, _, key string, plan app.Plan) (*app.StripeSubscription, *string, error) {
	result, err := once(s, key, func() (begun, error) {
		id := s.id("sub")
		s.subscriptions[id] = &subscription{StripeSubscription: app.StripeSubscription{ID: id}, customerID: plan.CustomerID}
		return s.charge(id, plan), nil
	})
	return &result.subscription, result.secret, err
}

// UpdateSubscription implements app.Stripe.
func (s *Stripe) UpdateSubscription(_ context.Context, _, key, subscriptionID string, plan app.Plan) (*app.StripeSubscription, *string, error) {
	result, err := once(s, key, func() (begun, error) {
		if s.subscriptions[subscriptionID] == nil {
			return begun{}, errors.New("there is no such subscription")
		}
		return s.charge(subscriptionID, plan), nil
	})
	return &result.subscription, result.secret, err
}

// charge begins a period of a subscription. Without a stored card it waits for
// the payment, unless there is nothing to pay or it has been paid for before.
func (s *Stripe) charge(id string, plan app.Plan) begun {
	s.Plans = append(s.Plans, plan)
	known := s.subscriptions[id]
	now := s.clock.Now().UTC().Truncate(time.Second)
	known.Quantity, known.HasItems, known.Metadata = plan.Quantity, true, plan.Metadata
	known.PeriodStart, known.PeriodEnd = now, plan.Interval.After(now)
	secret := new(id + "_secret")
	switch {
	case plan.UnitAmount == 0, plan.PaymentMethodID != "":
		known.Status, secret = domain.StatusActive, nil
	case known.Status == "":
		known.Status = domain.StatusIncomplete
	}
	return begun{known.StripeSubscription, secret}
}

// CancelSubscription implements app.Stripe.
func (s *Stripe) CancelSubscription(_ context.Context, _, subscriptionID string) error {
	_, err := do(s, func() (bool, error) {
		known := s.subscriptions[subscriptionID]
		if known == nil {
			return false, errors.New("there is no such subscription")
		}
		s.Canceled = append(s.Canceled, subscriptionID)
		now := s.clock.Now()
		known.Status, known.CanceledAt, known.EndedAt = domain.StatusCanceled, &now, &now
		return true, nil
	})
	return err
}

// Subscriptions implements app.Stripe.
func (s *Stripe) Subscriptions(_ context.Context, _, customerID string) ([]app.StripeSubscription, error) {
	if s.BeforeReading != nil {
		s.BeforeReading()
	}
	return do(s, func() ([]app.StripeSubscription, error) {
		var all []app.StripeSubscription
		for _, id := range slices.Sorted(maps.Keys(s.subscriptions)) {
			if known := s.subscriptions[id]; known.customerID == customerID {
				all = append(all, known.StripeSubscription)
			}
		}
		return all, nil
	})
}

// LiveSubscriptions implements app.Stripe.
func (s *Stripe) LiveSubscriptions(_ context.Context, accountID string) ([]string, error) {
	return do(s, func() (live []string, _ error) {
		for _, id := range slices.Sorted(maps.Keys(s.subscriptions)) {
			if known := s.subscriptions[id]; strings.HasSuffix(known.customerID, "@"+accountID) && !known.Status.Over() {
				live = append(live, id)
			}
		}
		return live, nil
	})
}

// Change changes a subscription as nobody but the provider can.
func (s *Stripe) Change(subscriptionID string, change func(*app.StripeSubscription)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.subscriptions[subscriptionID].StripeSubscription)
}

// ReduceSubscription implements app.Stripe.
func (s *Stripe) ReduceSubscription(_ context.Context, _, _, subscriptionID string, quantity int64) error {
	_, err := do(s, func() (bool, error) {
		known := s.subscriptions[subscriptionID]
		if known.CancelAtPeriodEnd = quantity == 0; quantity > 0 {
			known.Quantity = quantity
		}
		return true, nil
	})
	return err
}

// InvoicePayment implements app.Stripe.
func (s *Stripe) InvoicePayment(_ context.Context, _, invoiceID string) (string, error) {
	return do(s, func() (string, error) { return s.InvoicePayments[invoiceID], nil })
}

// Refund implements app.Stripe.
func (s *Stripe) Refund(_ context.Context, _, key string, refund app.StripeRefund) error {
	_, err := once(s, key, func() (bool, error) {
		if refund.PaymentIntentID == "pi_refused" {
			return false, apierr.Text(400, "The charge has been disputed.")
		}
		s.Refunds = append(s.Refunds, refund)
		return true, nil
	})
	return err
}

// told is an event on the wire.
type told struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Account string `json:"account"`
	Data    struct {
		Object json.RawMessage `json:"object"`
	} `json:"data"`
}

// Told is the payload of an event about an object.
func Told(id, eventType, accountID string, object any) []byte {
	event := told{ID: id, Type: eventType, Account: accountID}
	event.Data.Object, _ = json.Marshal(object)
	payload, _ := json.Marshal(event)
	return payload
}

// Event implements app.Stripe.
func (*Stripe) Event(payload []byte, signature string) (*app.StripeEvent, error) {
	var event told
	if signature != Signature {
		return nil, errors.New("the signature is wrong")
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	return &app.StripeEvent{ID: event.ID, Type: event.Type, AccountID: event.Account, Object: event.Data.Object}, nil
}
