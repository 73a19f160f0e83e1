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
	// version.
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
}

// Tx is what a use case writes.
type Tx interface {
	// CreateCustomer remembers a customer and reports whether it was deleted.
	// It waits for a deletion that is under way.
	CreateCustomer(ctx context.Context, tenant ids.Tenant, customer domain.Customer) (deleted bool, err error)
	// LockAccount waits for other changes of an account and reads it; nil when
	// there is none.
	LockAccount(ctx context.Context, key ItemKey) (*Account, error)
	// CreateAccount creates an empty account unless there is one.
	CreateAccount(ctx context.Context, key ItemKey) error
	// ChangeItemQuantity adds an entry to the ledger and writes the locked
	// account that results from it.
	ChangeItemQuantity(ctx context.Context, key ItemKey, change ItemQuantityChange, account *Account) error

	// Emit records events to be published after the commit.
	Emit(ctx context.Context, events ...Event) error
}
