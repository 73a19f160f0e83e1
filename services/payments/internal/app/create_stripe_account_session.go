package app

import "context"

// CreateStripeAccountSession opens a session for components that show the
// connected account in a page, and returns its secret (payments.md §8.2).
func (a *App) CreateStripeAccountSession(ctx context.Context) (clientSecret string, err error) {
	req, err := a.request(ctx)
	if err != nil {
		return "", err
	}
	accountID, err := a.stripeAccount(ctx, req.tenant)
	if err != nil {
		return "", err
	}
	return a.stripe.CreateAccountSession(ctx, accountID)
}
