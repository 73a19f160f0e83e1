package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// book is a customer's purchases and accounts while they change together, at
// one moment and in one transaction.
type book struct {
	tx       Tx
	tenant   ids.Tenant
	customer domain.Customer
	holdings *domain.Holdings
	// accounts are those of all items concerned, by item, locked.
	accounts map[string]*Account
	// at is the moment of the change.
	at time.Time
	// revalued are items of which a past purchase changed.
	revalued map[string]bool
	events   []Event
}

// openBook locks the accounts that a change of the named subscriptions, and a
// purchase of the product if there is one, will touch. The customer must be
// locked.
func openBook(ctx context.Context, tx Tx, now time.Time, tenant ids.Tenant, customer domain.Customer, holdings *domain.Holdings, subscriptionIDs []string, bought *domain.Product) (*book, error) {
	var itemIDs []string
	include := func(product *domain.Product) {
		for _, item := range product.IncludedItems {
			itemIDs = append(itemIDs, item.ID)
		}
	}
	for i := range holdings.Subscriptions {
		if slices.Contains(subscriptionIDs, holdings.Subscriptions[i].ID) {
			include(&holdings.Subscriptions[i].Product)
		}
	}
	if bought != nil {
		include(bought)
	}
	slices.Sort(itemIDs)
	accounts, err := tx.OpenAccounts(ctx, tenant, customer, slices.Compact(itemIDs))
	if err != nil {
		return nil, err
	}
	folded := make([]*domain.Account, 0, len(accounts))
	for _, account := range accounts {
		folded = append(folded, &account.Account)
	}
	return &book{
		tx: tx, tenant: tenant, customer: customer, holdings: holdings, accounts: accounts,
		at: domain.Stamp(now, folded...), revalued: map[string]bool{},
	}, nil
}

// cancel cancels one of the subscriptions that the book was opened for, with
// its end at or after the moment of the change.
func (b *book) cancel(ctx context.Context, subscriptionID string, end time.Time) error {
	i := slices.IndexFunc(b.holdings.Subscriptions, func(s domain.Subscription) bool { return s.ID == subscriptionID })
	if i < 0 {
		return fmt.Errorf("subscription %s is not the customer's", subscriptionID)
	}
	subscription := &b.holdings.Subscriptions[i]
	subscription.Cancel(b.at, end)
	return b.update(ctx, subscription)
}

// cancelAtPeriodEnd cancels one of the subscriptions that the book was opened
// for, with its end at that of its period. A period that is over is not
// withdrawn.
func (b *book) cancelAtPeriodEnd(ctx context.Context, subscriptionID string) error {
	end := b.at
	for i := range b.holdings.Subscriptions {
		if s := &b.holdings.Subscriptions[i]; s.ID == subscriptionID && s.PeriodEnd.After(end) {
			end = s.PeriodEnd
		}
	}
	return b.cancel(ctx, subscriptionID, end)
}

// update writes a subscription that was changed. Its past has another value
// now.
func (b *book) update(ctx context.Context, subscription *domain.Subscription) error {
	for _, item := range subscription.Product.IncludedItems {
		b.revalued[item.ID] = true
	}
	b.events = append(b.events, SubscriptionChanged{Tenant: b.tenant, Subscription: *subscription})
	return b.tx.UpdateSubscription(ctx, b.tenant, subscription)
}

// record enters a purchase that was made at the moment of the change.
func (b *book) record(ctx context.Context, purchase domain.Purchase, selection *domain.Selection) error {
	b.events = append(b.events, PurchaseCompleted{Tenant: b.tenant, Purchase: purchase, Subscription: selection.Recurring()})
	if selection.Recurring() {
		subscription := domain.Subscription{
			Purchase: purchase, Status: domain.StatusActive, Version: 1,
			PeriodStart: b.at, PeriodEnd: selection.Price.Interval.After(b.at),
		}
		b.holdings.Subscriptions = append(b.holdings.Subscriptions, subscription)
		b.start(subscription.Stream, &purchase.Product)
		return b.tx.CreateSubscription(ctx, b.tenant, &subscription)
	}
	once := domain.OneTimePurchase{Purchase: purchase}
	b.holdings.OneTime = append(b.holdings.OneTime, once)
	b.start(once.Stream, &purchase.Product)
	return b.tx.CreateOneTimePurchase(ctx, b.tenant, &once)
}

// start lets the streams of a new purchase begin.
func (b *book) start(stream func(itemID string) (domain.Stream, bool), product *domain.Product) {
	for _, item := range product.IncludedItems {
		if s, ok := stream(item.ID); ok {
			b.accounts[item.ID].Start(s)
		}
	}
}

// close writes the accounts and tells what happened.
func (b *book) close(ctx context.Context) error {
	for itemID, account := range b.accounts {
		if b.revalued[itemID] {
			changes, err := b.tx.ItemQuantityChanges(ctx, ItemKey{Tenant: b.tenant, Customer: b.customer, ItemID: itemID})
			if err != nil {
				return err
			}
			account.Account = domain.Fold(b.holdings.Streams(itemID), changes, b.at)
		}
		account.Version++
	}
	if err := b.tx.WriteAccounts(ctx, b.tenant, b.customer, b.accounts); err != nil {
		return err
	}
	return b.tx.Emit(ctx, b.events...)
}
