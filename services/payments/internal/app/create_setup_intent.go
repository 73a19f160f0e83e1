package app

import (
	"context"

	"vestibule.dev/services/payments/internal/domain"
)

// CreateSetupIntent begins the storing of a card and returns the secret with
// which the browser goes on, and the account it is for (payments.md §7.7).
func (a *App) CreateSetupIntent(ctx context.Context, customer domain.Customer) (clientSecret, accountID string, err error) {
	req, err := a.request(ctx)
	if err != nil {
		return "", "", err
	}
	if err := a.authorize(ctx, req, customer); err != nil {
		return "", "", err
	}
	if accountID, err = a.stripeAccount(ctx, req.tenant); err != nil {
		return "", "", err
	}
	if err := a.requireOther(ctx, req, customer); err != nil {
		return "", "", err
	}
	customerID, err := a.stripeCustomer(ctx, req.tenant, accountID, customer)
	if err != nil {
		return "", "", err
	}
	clientSecret, err = a.stripe.CreateSetupIntent(ctx, accountID, customerID)
	return clientSecret, accountID, err
}
