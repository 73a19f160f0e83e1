package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/payments/internal/domain"
)

// CancelProduct cancels one subscription of a customer, or all to a product
// when no subscription is named (payments.md §7.3). What they give lasts until
// the end of the period.
func (a *App) CancelProduct(ctx context.Context, customer domain.Customer, productID string, subscriptionID *string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if err := a.authorize(ctx, req, customer); err != nil {
		return err
	}
	if err := a.requireOther(ctx, req, customer); err != nil {
		return err
	}
	chosen := func(s *domain.Subscription) bool { return s.ID == *subscriptionID }
	if subscriptionID == nil {
		offer, err := req.resolve(ProductRef{ID: &productID}, customer)
		if err != nil {
			return err
		}
		if err := checkCustomerType(offer); err != nil {
			return err
		}
		chosen = func(s *domain.Subscription) bool { return s.ProductID != nil && *s.ProductID == productID }
	}
	holdings, err := a.store.Holdings(ctx, req.tenant, customer)
	if err != nil {
		return err
	}
	if subscriptionID == nil && !holdings.Owns(productID, holdings.AsOf(a.clock.Now())) {
		return apierr.Text(http.StatusBadRequest, "The customer does not own this product.")
	}
	var local, atStripe []domain.Subscription
	for i := range holdings.Subscriptions {
		switch s := &holdings.Subscriptions[i]; {
		case !s.Active() || !chosen(s):
		case s.StripeID != nil:
			atStripe = append(atStripe, *s)
		default:
			local = append(local, *s)
		}
	}
	if len(local)+len(atStripe) == 0 {
		return errNoSubscription
	}
	// The rows of these follow when the provider tells that they ended.
	for i := range atStripe {
		if err := a.cancelAtStripe(ctx, req.tenant, &atStripe[i]); err != nil {
			return err
		}
	}
	if len(local) == 0 {
		return nil
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := lockCustomer(ctx, tx, req.tenant, customer); err != nil {
			return err
		}
		holdings, err := a.store.Holdings(ctx, req.tenant, customer)
		if err != nil {
			return err
		}
		var ids []string
		for i := range holdings.Subscriptions {
			if s := &holdings.Subscriptions[i]; s.Active() && s.StripeID == nil && chosen(s) {
				ids = append(ids, s.ID)
			}
		}
		if len(ids) == 0 {
			return errNoSubscription // somebody was faster
		}
		book, err := openBook(ctx, tx, holdings.AsOf(a.clock.Now()), req.tenant, customer, holdings, ids, nil)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := book.cancelAtPeriodEnd(ctx, id); err != nil {
				return err
			}
		}
		return book.close(ctx)
	})
}

var errNoSubscription = apierr.Text(http.StatusBadRequest, "There is no active subscription to cancel.")
