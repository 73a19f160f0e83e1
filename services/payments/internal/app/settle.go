package app

import (
	"context"
	"errors"

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

// replacing says that a purchase replaces a subscription which must be
// cancelled at the payment provider first.
type replacing struct{ subscription domain.Subscription }

func (*replacing) Error() string {
	return "the purchase replaces a subscription at the payment provider"
}

// settle checks a purchase, ends what it replaces and records it
// (payments.md §4.3, §4.4), in one transaction with what also does. It returns
// the id of the subscription, or nothing for a one-time purchase. A product
// without prices leaves no trace.
func (a *App) settle(ctx context.Context, s settlement, also func(ctx context.Context, tx Tx) error) (subscriptionID string, err error) {
	// Cancelled at the provider; their rows follow when it tells so.
	canceled := map[string]bool{}
	for {
		subscriptionID, err = commit(ctx, a, s.tenant, func(ctx context.Context, tx Tx) (string, error) {
			if also != nil {
				if err := also(ctx, tx); err != nil {
					return "", err
				}
			}
			return a.record(ctx, tx, s, canceled)
		})
		replaced, ok := errors.AsType[*replacing](err)
		if !ok {
			return subscriptionID, err
		}
		if err := a.cancelAtStripe(ctx, s.tenant, &replaced.subscription); err != nil {
			return "", err
		}
		canceled[replaced.subscription.ID] = true
	}
}

// record is the transaction of settle.
func (a *App) record(ctx context.Context, tx Tx, s settlement, canceled map[string]bool) (subscriptionID string, err error) {
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
		switch first := selection.Conflicts[0]; {
		case first.StripeID == nil:
			replaced = append(replaced, first.ID)
		case !canceled[first.ID]:
			return "", &replacing{first}
		}
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
