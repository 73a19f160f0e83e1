package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
)

// GetStripeAccountInfo tells how far the connected account of a project is
// (payments.md §8.2).
func (a *App) GetStripeAccountInfo(ctx context.Context) (*StripeAccount, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	accountID, err := a.existingAccount(ctx, req)
	if err != nil {
		return nil, err
	}
	return a.stripe.Account(ctx, accountID)
}

// existingAccount returns the connected account of the project; without one it
// fails with STRIPE_ACCOUNT_INFO_NOT_FOUND.
func (a *App) existingAccount(ctx context.Context, req request) (string, error) {
	if !a.stripe.Available() {
		return "", errNotSetUp
	}
	accountID, err := a.store.StripeAccount(ctx, req.tenant)
	if err == nil && accountID == "" {
		err = apierr.StripeAccountInfoNotFound()
	}
	return accountID, err
}
