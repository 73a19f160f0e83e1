package app

import (
	"context"
	"errors"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// ItemQuantityUpdate says what is added to an item of a customer.
type ItemQuantityUpdate struct {
	Customer domain.Customer
	ItemID   string
	// Delta is taken away if negative.
	Delta int64
	// AllowNegative lets less than nothing be left.
	AllowNegative bool
	// ExpiresAt is when what is added and not used disappears; nil means never.
	ExpiresAt   *time.Time
	Description *string
}

// UpdateItemQuantity changes a quantity by hand (payments.md §5.2). Changes of
// one item of one customer happen one after the other, so that of two that take
// the last piece one is refused.
func (a *App) UpdateItemQuantity(ctx context.Context, update ItemQuantityUpdate) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if _, err := configuredItem(req, update.Customer, update.ItemID); err != nil {
		return err
	}
	key := ItemKey{Tenant: req.tenant, Customer: update.Customer, ItemID: update.ItemID}
	_, err = once(ctx, a, req.tenant, func(ctx context.Context) (nothing, error) {
		err := a.changeItemQuantity(ctx, key, update, false)
		if !errors.Is(err, errNoAccount) {
			return nothing{}, err
		}
		// The first change of this item: whoever has an account exists.
		if err := a.requireCustomer(ctx, req.tenant, update.Customer); err != nil {
			return nothing{}, err
		}
		return nothing{}, a.changeItemQuantity(ctx, key, update, true)
	})
	return err
}

// errNoAccount says that nothing ever happened to an item of a customer.
var errNoAccount = errors.New("the item has no account")

// changeItemQuantity changes the quantity in one transaction. Without create it
// fails with errNoAccount when the account does not exist yet.
func (a *App) changeItemQuantity(ctx context.Context, key ItemKey, update ItemQuantityUpdate, create bool) error {
	_, err := commit(ctx, a, key.Tenant, func(ctx context.Context, tx Tx) (nothing, error) {
		account, gone, err := tx.LockAccount(ctx, key)
		if err != nil {
			return nothing{}, err
		}
		if gone {
			return nothing{}, customerNotFound(key.Customer)
		}
		if account == nil {
			if !create {
				return nothing{}, errNoAccount
			}
			if account, err = openAccount(ctx, tx, key); err != nil {
				return nothing{}, err
			}
		}
		change := ItemQuantityChange{
			ID: ids.NewUUID(), Delta: update.Delta, Description: update.Description,
			ExpiresAt: update.ExpiresAt, CreatedAt: domain.Stamp(a.clock.Now(), &account.Account),
		}
		delta := domain.Int(update.Delta)
		if !update.AllowNegative && account.Balance().Add(delta).Sign() < 0 {
			return nothing{}, apierr.ItemQuantityInsufficientAmount(key.ItemID, key.Customer.ID, delta.Float64())
		}
		account.Apply(domain.Change{At: change.CreatedAt, Quantity: delta, ExpiresAt: change.ExpiresAt})
		account.Version++
		if err := tx.ChangeItemQuantity(ctx, key, change, account); err != nil {
			return nothing{}, err
		}
		return nothing{}, tx.Emit(ctx, ItemQuantityChanged{Key: key, Delta: update.Delta, Quantity: account.Balance(), Version: account.Version})
	})
	return err
}

// openAccount creates the account of an item and locks it. A customer deleted
// meanwhile does not come back.
func openAccount(ctx context.Context, tx Tx, key ItemKey) (*Account, error) {
	if err := lockCustomer(ctx, tx, key.Tenant, key.Customer); err != nil {
		return nil, err
	}
	accounts, err := tx.OpenAccounts(ctx, key.Tenant, key.Customer, []string{key.ItemID})
	if err != nil {
		return nil, err
	}
	return accounts[key.ItemID], nil
}
