package app

import (
	"context"
	"net/url"
)

// SetUpPayments opens the connected account of a project unless there is one,
// and returns the address of the page where it is completed (payments.md §8.2).
func (a *App) SetUpPayments(ctx context.Context) (url string, err error) {
	req, err := a.request(ctx)
	if err != nil {
		return "", err
	}
	if !a.stripe.Available() {
		return "", errNotSetUp
	}
	accountID, err := a.store.StripeAccount(ctx, req.tenant)
	if err != nil {
		return "", err
	}
	if accountID == "" {
		if accountID, err = a.openAccount(ctx, req); err != nil {
			return "", err
		}
	}
	return a.stripe.CreateAccountLink(ctx, accountID, a.paymentsPage(req.tenant.ProjectID))
}

func (a *App) openAccount(ctx context.Context, req request) (accountID string, err error) {
	var tenancyID string
	if err := a.store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		tenancyID, err = tx.TenancyID(ctx, req.tenant)
		return err
	}); err != nil {
		return "", err
	}
	if accountID, err = a.stripe.CreateAccount(ctx, tenancyID); err != nil {
		return "", err
	}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		accountID, err = tx.SaveStripeAccount(ctx, req.tenant, accountID)
		return err
	})
	return accountID, err
}

// paymentsPage is where operators look after the payments of a project.
func (a *App) paymentsPage(projectID string) string {
	return a.dashboardURL + "/projects/" + url.PathEscape(projectID) + "/payments"
}
