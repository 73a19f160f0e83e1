package app

import (
	"cmp"
	"context"
	"slices"
)

// GetPaymentMethodConfig lists the ways to pay that the project's account knows,
// available ones first, and the id of their configuration (payments.md §8.2).
func (a *App) GetPaymentMethodConfig(ctx context.Context) (configID string, methods []PaymentMethodSetting, err error) {
	req, err := a.request(ctx)
	if err != nil {
		return "", nil, err
	}
	accountID, err := a.existingAccount(ctx, req)
	if err != nil {
		return "", nil, err
	}
	configID, methods, err = a.stripe.PaymentMethods(ctx, accountID)
	slices.SortFunc(methods, func(x, y PaymentMethodSetting) int {
		if x.Available != y.Available {
			if x.Available {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID))
	})
	return configID, methods, err
}

// UpdatePaymentMethodConfig switches ways to pay on or off, by id.
func (a *App) UpdatePaymentMethodConfig(ctx context.Context, configID string, on map[string]bool) error {
	req, err := a.request(ctx)
	if err != nil || len(on) == 0 {
		return err
	}
	accountID, err := a.existingAccount(ctx, req)
	if err != nil {
		return err
	}
	return a.stripe.SetPaymentMethods(ctx, accountID, configID, on)
}
