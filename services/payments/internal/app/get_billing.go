package app

import (
	"context"

	"vestibule.dev/services/payments/internal/domain"
)

// GetBilling tells whether a customer is known to the payment provider, and
// their newest card; nil if there is none (payments.md §7.6).
func (a *App) GetBilling(ctx context.Context, customer domain.Customer) (known bool, card *Card, err error) {
	req, err := a.request(ctx)
	if err != nil {
		return false, nil, err
	}
	if err := a.authorize(ctx, req, customer); err != nil {
		return false, nil, err
	}
	accountID, err := a.accountIfAny(ctx, req)
	if err != nil || accountID == "" {
		return false, nil, err
	}
	if err := a.requireOther(ctx, req, customer); err != nil {
		return false, nil, err
	}
	customerID, err := a.stripe.FindCustomer(ctx, accountID, customer)
	if err != nil || customerID == "" {
		return false, nil, err
	}
	card, err = a.stripe.Card(ctx, accountID, customerID)
	return true, card, err
}

// accountIfAny returns the connected account of the project; empty if payments
// are not set up.
func (a *App) accountIfAny(ctx context.Context, req request) (string, error) {
	if !a.stripe.Available() {
		return "", nil
	}
	return a.store.StripeAccount(ctx, req.tenant)
}
