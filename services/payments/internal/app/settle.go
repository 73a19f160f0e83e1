package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// settlement is a purchase that takes place without payment.
type settlement struct {
	tenant ids.Tenant
	offer  domain.Offer
	// priceID is nil for the first price.
	priceID  *string
	quantity int64
	source   domain.Source
}

// settle checks a purchase, ends what it replaces and records it, all in one
// transaction (payments.md §4.3, §4.4). It returns the id of the subscription,
// or nothing for a one-time purchase. A product without prices leaves no trace.
func (a *App) settle(ctx context.Context, tx Tx, s settlement) (subscriptionID string, err error) {
	customer := s.offer.Customer
	if err := lockCustomer(ctx, tx, s.tenant, customer); err != nil {
		return "", err
	}
	holdings, err := a.store.Holdings(ctx, s.tenant, customer)
	if err != nil {
		return "", err
	}
	now := holdings.AsOf(a.clock.Now())
	selection, err := s.offer.Select(holdings, s.priceID, s.quantity, now)
	if err != nil {
		return "", err
	}
	var replaced []string
	if len(selection.Conflicts) > 0 {
		replaced = append(replaced, selection.Conflicts[0].ID)
	}
	book, err := openBook(ctx, tx, now, s.tenant, customer, holdings, replaced, &s.offer.Product)
	if err != nil {
		return "", err
	}
	for _, id := range replaced {
		if err := book.cancel(ctx, id, book.at); err != nil {
			return "", err
		}
	}
	if selection.Price != nil {
		purchase := domain.Purchase{
			ID: ids.NewUUID(), Customer: customer, ProductID: s.offer.ProductID, Product: s.offer.Product,
			Quantity: s.quantity, Source: s.source, CreatedAt: book.at,
		}
		if s.source != domain.SourceGrant {
			purchase.PriceID = &selection.PriceID
		}
		if selection.Recurring() {
			subscriptionID = purchase.ID
		}
		if err := book.record(ctx, purchase, selection); err != nil {
			return "", err
		}
	}
	return subscriptionID, book.close(ctx)
}
