package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// RemoveCustomer remembers that a user or team is gone: nothing is sold or given
// to them any more, and their subscriptions end. What they bought stays on the
// books. Repeating it has no effect.
//
// What is paid for at the provider is ended there by [App.EndSubscriptions]; its
// rows follow when the provider tells that it ended.
func (a *App) RemoveCustomer(ctx context.Context, tenant ids.Tenant, customer domain.Customer) error {
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.DeleteCustomer(ctx, tenant, customer); err != nil {
			return err
		}
		holdings, err := a.store.Holdings(ctx, tenant, customer)
		if err != nil {
			return err
		}
		var local, atStripe []string
		for i := range holdings.Subscriptions {
			switch s := &holdings.Subscriptions[i]; {
			case s.Status.Over():
			case s.StripeID != nil:
				atStripe = append(atStripe, *s.StripeID)
			default:
				local = append(local, s.ID)
			}
		}
		if len(local) > 0 {
			book, err := openBook(ctx, tx, holdings.AsOf(a.clock.Now()), tenant, customer, holdings, local)
			if err != nil {
				return err
			}
			for _, id := range local {
				if err := book.cancel(ctx, id, book.at); err != nil {
					return err
				}
			}
			if err := book.close(ctx); err != nil {
				return err
			}
		}
		return a.orderEndings(ctx, tx, tenant, atStripe)
	})
}

// orderEndings lets subscriptions end at the provider after the commit.
func (a *App) orderEndings(ctx context.Context, tx Tx, tenant ids.Tenant, stripeIDs []string) error {
	if len(stripeIDs) == 0 {
		return nil
	}
	accountID, err := a.store.StripeAccount(ctx, tenant)
	if err != nil || accountID == "" {
		return err
	}
	return tx.OrderEndings(ctx, accountID, stripeIDs)
}
