package app

import (
	"context"

	"vestibule.dev/services/payments/internal/domain"
)

// ProductGrant says what a customer is given.
type ProductGrant struct {
	Customer domain.Customer
	Product  ProductRef
	Quantity int64
}

// GrantProduct gives a customer a product without payment (payments.md §7.2).
// It returns the id of the subscription; nothing for a one-time purchase.
func (a *App) GrantProduct(ctx context.Context, grant ProductGrant) (subscriptionID string, err error) {
	req, err := a.request(ctx)
	if err != nil {
		return "", err
	}
	return once(ctx, a, req.tenant, func(ctx context.Context) (string, error) {
		if err := a.requireCustomer(ctx, req.tenant, grant.Customer); err != nil {
			return "", err
		}
		offer, err := req.resolve(grant.Product, grant.Customer)
		if err != nil {
			return "", err
		}
		if err := checkCustomerType(offer); err != nil {
			return "", err
		}
		return a.settle(ctx, settlement{tenant: req.tenant, offer: offer, quantity: grant.Quantity, source: domain.SourceGrant}, nil)
	})
}
