package app

import (
	"context"
	"errors"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/payments/internal/domain"
)

// SetDefaultPaymentMethod makes the card that a setup intent has stored the one
// that is charged (payments.md §7.8).
func (a *App) SetDefaultPaymentMethod(ctx context.Context, customer domain.Customer, setupIntentID string) (*Card, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.authorize(ctx, req, customer); err != nil {
		return nil, err
	}
	accountID, err := a.stripeAccount(ctx, req.tenant)
	if err != nil {
		return nil, err
	}
	if err := a.requireOther(ctx, req, customer); err != nil {
		return nil, err
	}
	customerID, err := a.stripeCustomer(ctx, req.tenant, accountID, customer)
	if err != nil {
		return nil, err
	}
	intent, err := a.stripe.SetupIntent(ctx, accountID, setupIntentID)
	switch {
	case err != nil:
		return nil, err
	case intent == nil || intent.CustomerID != customerID:
		return nil, apierr.Text(http.StatusForbidden, "The setup intent belongs to somebody else.")
	case !intent.Succeeded:
		return nil, apierr.Text(http.StatusBadRequest, "The setup intent has not succeeded.")
	case intent.PaymentMethodID == "":
		return nil, errors.New("a setup intent that has succeeded has no payment method")
	}
	return a.stripe.SetDefaultPaymentMethod(ctx, accountID, customerID, customer, intent.PaymentMethodID)
}
