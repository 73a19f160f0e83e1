package app

import (
	"cmp"
	"context"
	"slices"
	"time"

	"vestibule.dev/services/payments/internal/domain"
)

// TransactionType says what happened to the books.
type TransactionType string

// The types that there are; others are always empty.
const (
	TransactionPurchase TransactionType = "purchase"
	TransactionRenewal  TransactionType = "subscription-renewal"
	TransactionChange   TransactionType = "manual-item-quantity-change"
)

// Transaction is something that happened to the books (payments.md §8.3).
// Exactly one of its sources is set.
type Transaction struct {
	ID        string
	Type      TransactionType
	CreatedAt time.Time
	// Refunds counts the entries of the refund.
	Refunds int

	Subscription *domain.Subscription
	OneTime      *domain.OneTimePurchase
	Renewal      *Renewal
	Change       *ChangeOfCustomer
}

// Purchase is the purchase that a transaction is about; nil for a quantity
// changed by hand.
func (t *Transaction) Purchase() *domain.Purchase {
	switch {
	case t.Subscription != nil:
		return &t.Subscription.Purchase
	case t.OneTime != nil:
		return &t.OneTime.Purchase
	case t.Renewal != nil:
		return &t.Renewal.Subscription.Purchase
	}
	return nil
}

// TransactionFilter chooses transactions; empty fields choose all.
type TransactionFilter struct {
	Type         TransactionType
	CustomerType string
}

// ListTransactions lists the books of a project after a position, newest first.
// more says that there are others after the page.
func (a *App) ListTransactions(ctx context.Context, filter TransactionFilter, after Position, limit int) (page []Transaction, more bool, err error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, false, err
	}
	wanted := func(t TransactionType) bool { return filter.Type == "" || filter.Type == t }
	if wanted(TransactionPurchase) {
		subscriptions, err := a.store.SubscriptionsPage(ctx, req.tenant, filter.CustomerType, after, limit+1)
		if err != nil {
			return nil, false, err
		}
		for i := range subscriptions {
			s := &subscriptions[i]
			page = append(page, Transaction{ID: s.ID, Type: TransactionPurchase, CreatedAt: s.CreatedAt, Subscription: s})
		}
		purchases, err := a.store.OneTimePurchasesPage(ctx, req.tenant, filter.CustomerType, after, limit+1)
		if err != nil {
			return nil, false, err
		}
		for i := range purchases {
			p := &purchases[i]
			page = append(page, Transaction{ID: p.ID, Type: TransactionPurchase, CreatedAt: p.CreatedAt, OneTime: p})
		}
	}
	if wanted(TransactionRenewal) {
		renewals, err := a.store.RenewalsPage(ctx, req.tenant, filter.CustomerType, after, limit+1)
		if err != nil {
			return nil, false, err
		}
		for i := range renewals {
			r := &renewals[i]
			page = append(page, Transaction{ID: r.Invoice.ID, Type: TransactionRenewal, CreatedAt: r.Invoice.CreatedAt, Renewal: r})
		}
	}
	if wanted(TransactionChange) {
		changes, err := a.store.ChangesPage(ctx, req.tenant, filter.CustomerType, after, limit+1)
		if err != nil {
			return nil, false, err
		}
		for i := range changes {
			c := &changes[i]
			page = append(page, Transaction{ID: c.ID, Type: TransactionChange, CreatedAt: c.CreatedAt, Change: c})
		}
	}
	slices.SortFunc(page, func(x, y Transaction) int {
		return cmp.Or(y.CreatedAt.Compare(x.CreatedAt), cmp.Compare(y.ID, x.ID))
	})
	if more = len(page) > limit; more {
		page = page[:limit]
	}
	purchaseIDs := []string{}
	for i := range page {
		if page[i].Type == TransactionPurchase {
			purchaseIDs = append(purchaseIDs, page[i].ID)
		}
	}
	refunds, err := a.store.RefundsOf(ctx, req.tenant, purchaseIDs)
	for i := range page {
		page[i].Refunds = refunds[page[i].ID]
	}
	return page, more, err
}
