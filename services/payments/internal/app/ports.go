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
	// Holdings reads all purchases of a customer, oldest first.
	Holdings(ctx context.Context, tenant ids.Tenant, customer domain.Customer) (*domain.Holdings, error)
	// Tenancy reads which branch of which project a tenancy id names; found is
	// false when it names none.
	Tenancy(ctx context.Context, tenancyID string) (tenant ids.Tenant, found bool, err error)
	// StripeAccount reads the connected account of a branch; empty if there is
	// none.
	StripeAccount(ctx context.Context, tenant ids.Tenant) (accountID string, err error)
	// IdempotentAnswer reads how a request with the key was answered; nil if
	// it was not.
	IdempotentAnswer(ctx context.Context, tenant ids.Tenant, key IdempotencyKey) (*IdempotentAnswer, error)
	// FindPurchaseCode reads what an unspent code stands for. Wrong guesses
	// are counted. It fails as verification codes do.
	FindPurchaseCode(ctx context.Context, tenant ids.Tenant, code string) (*PurchaseCode, error)
}

// PurchaseCode is what the code in a purchase URL stands for.
type PurchaseCode struct {
	Tenant ids.Tenant
	ID     string
	Offer  domain.Offer
}

// Tx is what a use case writes.
type Tx interface {
	// LockCustomer remembers a customer, waits for purchases and deletions
	// that are under way and reports whether there was a deletion.
	LockCustomer(ctx context.Context, tenant ids.Tenant, customer domain.Customer) (deleted bool, err error)
	// LockAccount waits for other changes of an account and reads it; nil when
	// there is none.
	LockAccount(ctx context.Context, key ItemKey) (*Account, error)
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

	// TenancyID returns the id that names the tenant in purchase codes.
	TenancyID(ctx context.Context, tenant ids.Tenant) (string, error)
	// IssuePurchaseCode stores a new code and returns its text.
	IssuePurchaseCode(ctx context.Context, tenant ids.Tenant, offer domain.Offer, ttl time.Duration) (text string, err error)
	// ConsumePurchaseCode spends a code. Of all that try, one succeeds; the
	// others fail as verification codes do.
	ConsumePurchaseCode(ctx context.Context, code *PurchaseCode) error

	// Emit records events to be published after the commit.
	Emit(ctx context.Context, events ...Event) error
}
