package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/payments/internal/domain"
)

// Project is a project's configuration at one version. It is shared between
// requests: treat it and everything in it as read-only.
type Project struct {
	*projectconfig.Config

	Catalog *domain.Catalog
}

// Projects knows the configuration of projects.
type Projects interface {
	// Project returns the configuration of a branch, at least as new as the
	// version; the newest for version 0. It fails with
	// CURRENT_PROJECT_NOT_FOUND.
	Project(ctx context.Context, tenant ids.Tenant, minVersion int64) (*Project, error)
}

// Users is what this context asks identity about.
type Users interface {
	// UserExists reports whether the project has such a user.
	UserExists(ctx context.Context, tenant ids.Tenant, userID string) (bool, error)
}

// Teams is what this context asks teams about.
type Teams interface {
	// TeamExists reports whether the project has such a team.
	TeamExists(ctx context.Context, tenant ids.Tenant, teamID string) (bool, error)
	// Membership returns the ids of the permissions that a user holds in a
	// team, directly or not; member is false when they do not belong to it.
	Membership(ctx context.Context, tenant ids.Tenant, teamID, userID string) (permissionIDs []string, member bool, err error)
	// Holders lists the users who hold a permission in a team.
	Holders(ctx context.Context, tenant ids.Tenant, teamID, permissionID string) (userIDs []string, err error)
}

// ItemKey names an item of a customer.
type ItemKey struct {
	Tenant   ids.Tenant
	Customer domain.Customer
	ItemID   string
}

// Account is what is remembered of an item of a customer.
type Account struct {
	domain.Account

	// Version counts the changes.
	Version int64
}

// ItemQuantityChange is an entry of the ledger.
type ItemQuantityChange struct {
	ID          string
	Delta       int64
	Description *string
	ExpiresAt   *time.Time
	CreatedAt   time.Time
}

// ChangeOfCustomer is an entry of the ledger and whose it is.
type ChangeOfCustomer struct {
	ItemQuantityChange

	Customer domain.Customer
	ItemID   string
}

// CustomerState is what is remembered of a customer.
type CustomerState uint8

const (
	// CustomerUnknown has never owned anything.
	CustomerUnknown CustomerState = iota
	// CustomerKnown owns or owned something.
	CustomerKnown
	// CustomerDeleted is a user or team that was deleted.
	CustomerDeleted
)

// Store remembers who has what. Its reads see the ambient transaction if there
// is one.
type Store interface {
	// RunTx runs fn in one transaction and commits when fn returns nil. It
	// joins the transaction that ctx carries, and repeats fn after a
	// serialization failure, so fn must have no other effects.
	RunTx(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error

	// ItemAccount reads the account of an item in one statement; it is empty
	// when nothing ever happened to it.
	ItemAccount(ctx context.Context, key ItemKey) (account domain.Account, customer CustomerState, err error)
	// CustomerDeleted reports whether a customer is remembered to be gone.
	CustomerDeleted(ctx context.Context, tenant ids.Tenant, customer domain.Customer) (bool, error)
	// Holdings reads all purchases of a customer, oldest first.
	Holdings(ctx context.Context, tenant ids.Tenant, customer domain.Customer) (*domain.Holdings, error)
	// Tenancy reads which branch of which project a tenancy id names; found is
	// false when it names none.
	Tenancy(ctx context.Context, tenancyID string) (tenant ids.Tenant, found bool, err error)
	// StripeAccount reads the connected account of a branch; empty if there is
	// none.
	StripeAccount(ctx context.Context, tenant ids.Tenant) (accountID string, err error)
	// TenantOfStripeAccount reads whose a connected account is.
	TenantOfStripeAccount(ctx context.Context, accountID string) (tenant ids.Tenant, found bool, err error)
	// ProductVersion reads a product as it was sold; nil if it is unknown.
	ProductVersion(ctx context.Context, tenant ids.Tenant, id string) (*domain.Product, error)
	// Invoices reads invoices of a customer after a position, newest first.
	Invoices(ctx context.Context, tenant ids.Tenant, customer domain.Customer, after Position, count int) ([]Invoice, error)
	// Invoice reads an invoice of a customer; nil if there is none.
	Invoice(ctx context.Context, tenant ids.Tenant, customer domain.Customer, id string) (*Invoice, error)
	// CreationInvoice reads the first invoice of a subscription at the
	// provider; nil if there is none.
	CreationInvoice(ctx context.Context, tenant ids.Tenant, stripeSubscriptionID string) (*Invoice, error)
	// Subscription reads a subscription; nil if there is none.
	Subscription(ctx context.Context, tenant ids.Tenant, id string) (*domain.Subscription, error)
	// OneTimePurchase reads a one-time purchase; nil if there is none.
	OneTimePurchase(ctx context.Context, tenant ids.Tenant, id string) (*domain.OneTimePurchase, error)

	// SubscriptionsPage, OneTimePurchasesPage, ChangesPage and RenewalsPage
	// read the books of a branch after a position, newest first. An empty
	// customer type means all.
	SubscriptionsPage(ctx context.Context, tenant ids.Tenant, customerType string, after Position, count int) ([]domain.Subscription, error)
	OneTimePurchasesPage(ctx context.Context, tenant ids.Tenant, customerType string, after Position, count int) ([]domain.OneTimePurchase, error)
	ChangesPage(ctx context.Context, tenant ids.Tenant, customerType string, after Position, count int) ([]ChangeOfCustomer, error)
	RenewalsPage(ctx context.Context, tenant ids.Tenant, customerType string, after Position, count int) ([]Renewal, error)
	// RefundsOf counts the entries of completed refunds, by purchase.
	RefundsOf(ctx context.Context, tenant ids.Tenant, purchaseIDs []string) (map[string]int, error)

	// IdempotentAnswer reads how a request with the key was answered; nil if
	// it was not.
	IdempotentAnswer(ctx context.Context, tenant ids.Tenant, key IdempotencyKey) (*IdempotentAnswer, error)
	// ClaimEndings takes subscriptions that must end at the provider and are
	// due, of all projects; for the lease nobody else takes them.
	ClaimEndings(ctx context.Context, count int, lease time.Duration) ([]Ending, error)
	// FinishEnding forgets one that has ended, and PostponeEnding leaves it for
	// later.
	FinishEnding(ctx context.Context, ending Ending) error
	PostponeEnding(ctx context.Context, ending Ending, wait time.Duration) error

	// FindPurchaseCode reads what an unspent code stands for. Wrong guesses
	// are counted. It fails as verification codes do.
	FindPurchaseCode(ctx context.Context, tenant ids.Tenant, code string) (*PurchaseCode, error)
}

// PurchaseCode is what the code in a purchase URL stands for.
type PurchaseCode struct {
	Tenant ids.Tenant
	ID     string
	Offer  domain.Offer
	// Stripe is nil when payments were not set up as the code was made.
	Stripe *StripeData
}

// StripeData is what a purchase is prepared with at the payment provider.
type StripeData struct {
	CustomerID     string `json:"customer_id"`
	AccountID      string `json:"account_id"`
	ChargesEnabled bool   `json:"charges_enabled"`
}

// Invoice is an invoice of a subscription.
type Invoice struct {
	ID                   string
	Customer             domain.Customer
	StripeSubscriptionID string
	StripeInvoiceID      string
	// Creation says that it is the first one.
	Creation bool
	Status   *string
	// AmountTotal is in the currency's smallest coin.
	AmountTotal *int64
	HostedURL   *string
	CreatedAt   time.Time
}

// Position is a place in a list that is ordered by time and id, newest first.
// The zero Position is the beginning.
type Position struct {
	CreatedAt time.Time
	ID        string
}

// Refund is the one refund of a purchase.
type Refund struct {
	PurchaseID string
	Entries    []RefundEntry
	// Quantity is no longer owned.
	Quantity int64
	// Amount is in US cents.
	Amount int64
	// CompletedAt is nil until the money was sent.
	CompletedAt *time.Time
}

// Renewal is an invoice after the first one.
type Renewal struct {
	Invoice      Invoice
	Subscription domain.Subscription
}

// Mail is a mail about a payment.
type Mail struct {
	// UserID is who gets it.
	UserID    string
	Template  string
	Variables map[string]string
}

// Tx is what a use case writes.
type Tx interface {
	// LockCustomer remembers a customer, waits for purchases and deletions
	// that are under way and reports whether there was a deletion.
	LockCustomer(ctx context.Context, tenant ids.Tenant, customer domain.Customer) (deleted bool, err error)
	// LockAccount waits for other changes of an account and reads it; nil when
	// there is none. It reports whether the customer is remembered to be gone.
	LockAccount(ctx context.Context, key ItemKey) (account *Account, gone bool, err error)
	// OpenAccounts creates the accounts of a locked customer's items unless
	// they exist, and locks them. The result is by item.
	OpenAccounts(ctx context.Context, tenant ids.Tenant, customer domain.Customer, itemIDs []string) (map[string]*Account, error)
	// WriteAccounts writes locked accounts, by item.
	WriteAccounts(ctx context.Context, tenant ids.Tenant, customer domain.Customer, accounts map[string]*Account) error
	// ChangeItemQuantity adds an entry to the ledger and writes the locked
	// account that results from it.
	ChangeItemQuantity(ctx context.Context, key ItemKey, change ItemQuantityChange, account *Account) error
	// ItemQuantityChanges reads the ledger of an item, oldest entry first.
	ItemQuantityChanges(ctx context.Context, key ItemKey) ([]domain.Change, error)

	// CreateSubscription inserts a subscription.
	CreateSubscription(ctx context.Context, tenant ids.Tenant, subscription *domain.Subscription) error
	// UpdateSubscription writes everything about a subscription that may change.
	UpdateSubscription(ctx context.Context, tenant ids.Tenant, subscription *domain.Subscription) error
	// CreateOneTimePurchase inserts a one-time purchase.
	CreateOneTimePurchase(ctx context.Context, tenant ids.Tenant, purchase *domain.OneTimePurchase) error

	// ReserveIdempotencyKey waits for a request with the same key that is under
	// way and reports false if it took effect.
	ReserveIdempotencyKey(ctx context.Context, tenant ids.Tenant, key IdempotencyKey) (bool, error)
	// AnswerIdempotencyKey keeps the answer to the request with a reserved key.
	AnswerIdempotencyKey(ctx context.Context, tenant ids.Tenant, key IdempotencyKey, answer []byte) error

	// SaveStripeAccount remembers the connected account of a branch. Of two that
	// are remembered at the same time one wins, which it returns.
	SaveStripeAccount(ctx context.Context, tenant ids.Tenant, accountID string) (string, error)
	// ClaimStripePurchase returns the purchase that something at the provider
	// stands for: the given one, unless there was one before.
	ClaimStripePurchase(ctx context.Context, tenant ids.Tenant, stripeID, purchaseID string) (string, error)
	// TakeReading numbers a reading of a customer's subscriptions at the
	// provider, before it is taken.
	TakeReading(ctx context.Context, tenant ids.Tenant, stripeCustomerID string) (number int64, err error)
	// ApplyReading reports false if a later reading has been applied.
	ApplyReading(ctx context.Context, tenant ids.Tenant, stripeCustomerID string, number int64) (bool, error)
	// RememberStripeEvent reports false if the event has been remembered.
	RememberStripeEvent(ctx context.Context, tenant ids.Tenant, eventID string) (bool, error)
	// SaveInvoice writes an invoice, unless a later state of it is known.
	SaveInvoice(ctx context.Context, tenant ids.Tenant, invoice *Invoice) error
	// SaveProductVersion remembers a product as it is sold and returns its id.
	SaveProductVersion(ctx context.Context, tenant ids.Tenant, productID *string, product *domain.Product) (id string, err error)
	// BeginRefund writes down a refund and returns it, or the one that was
	// written down before.
	BeginRefund(ctx context.Context, tenant ids.Tenant, refund *Refund) (*Refund, error)
	// CompleteRefund reports false if the refund was complete.
	CompleteRefund(ctx context.Context, tenant ids.Tenant, purchaseID string, at time.Time) (bool, error)
	// AbandonRefund forgets a refund that did not take place.
	AbandonRefund(ctx context.Context, tenant ids.Tenant, purchaseID string) error
	// RefundOneTimePurchase writes the refund of a one-time purchase.
	RefundOneTimePurchase(ctx context.Context, tenant ids.Tenant, purchase *domain.OneTimePurchase) error
	// EnqueueMails sends mails after the commit.
	EnqueueMails(ctx context.Context, tenant ids.Tenant, mails ...Mail) error
	// DeleteCustomer remembers that a user or team is gone.
	DeleteCustomer(ctx context.Context, tenant ids.Tenant, customer domain.Customer) error
	// OrderEndings lets subscriptions on an account end at the provider.
	OrderEndings(ctx context.Context, accountID string, stripeIDs []string) error
	// PurgeProject deletes everything of a project, and lets all subscriptions
	// on its accounts end at the provider.
	PurgeProject(ctx context.Context, projectID string) error

	// TenancyID returns the id that names the tenant in purchase codes.
	TenancyID(ctx context.Context, tenant ids.Tenant) (string, error)
	// IssuePurchaseCode stores a new code and returns its text.
	IssuePurchaseCode(ctx context.Context, tenant ids.Tenant, offer domain.Offer, stripe *StripeData, ttl time.Duration) (text string, err error)
	// ConsumePurchaseCode spends a code. Of all that try, one succeeds; the
	// others fail as verification codes do.
	ConsumePurchaseCode(ctx context.Context, code *PurchaseCode) error

	// Emit records events to be published after the commit.
	Emit(ctx context.Context, events ...Event) error
}
