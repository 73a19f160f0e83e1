package app

import (
	"context"
	"errors"
	"net/url"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// purchaseCodeTTL is how long a purchase URL works.
const purchaseCodeTTL = 24 * time.Hour

// NewPurchaseURL says what a purchase URL is for.
type NewPurchaseURL struct {
	Customer domain.Customer
	Product  ProductRef
	// ReturnURL is where people are sent in the end; nil is nowhere.
	ReturnURL *string
}

// CreatePurchaseURL makes the address of a checkout page (payments.md §6.1).
func (a *App) CreatePurchaseURL(ctx context.Context, in NewPurchaseURL) (string, error) {
	req, err := a.request(ctx)
	if err != nil {
		return "", err
	}
	if req.project.Catalog.BlockNewPurchases {
		return "", apierr.NewPurchasesBlocked()
	}
	if err := a.authorize(ctx, req, in.Customer); err != nil {
		return "", err
	}
	offer, err := req.resolve(in.Product, in.Customer)
	if err != nil {
		return "", err
	}
	if err := checkCustomerType(offer); err != nil {
		return "", err
	}
	holdings, err := a.store.Holdings(ctx, req.tenant, in.Customer)
	if err != nil {
		return "", err
	}
	if err := offer.CheckOwned(holdings.Owned(holdings.AsOf(a.clock.Now()))); err != nil {
		return "", err
	}
	accountID, err := a.stripeAccount(ctx, req.tenant)
	if err != nil && (!req.project.Catalog.TestMode || !errors.Is(err, errNotSetUp)) {
		return "", err
	}
	if accountID != "" {
		if err := a.requireOther(ctx, req, in.Customer); err != nil {
			return "", err
		}
	}
	if err := checkReturnURL(req.project, in.ReturnURL); err != nil {
		return "", err
	}
	data, err := a.stripeData(ctx, req.tenant, accountID, in.Customer)
	if err != nil && !req.project.Catalog.TestMode {
		return "", err
	}
	var full string
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		tenancyID, err := tx.TenancyID(ctx, req.tenant)
		if err != nil {
			return err
		}
		code, err := tx.IssuePurchaseCode(ctx, req.tenant, offer, data, purchaseCodeTTL)
		full = tenancyID + "_" + code
		return err
	})
	if err != nil {
		return "", err
	}
	address := a.checkoutURL + "/purchase/" + full
	if in.ReturnURL != nil {
		address += "?return_url=" + url.QueryEscape(*in.ReturnURL)
	}
	return address, nil
}

// stripeData prepares a purchase at the provider; nil without an account there.
func (a *App) stripeData(ctx context.Context, tenant ids.Tenant, accountID string, customer domain.Customer) (*StripeData, error) {
	if accountID == "" {
		return nil, nil
	}
	customerID, err := a.stripeCustomer(ctx, tenant, accountID, customer)
	if err != nil {
		return nil, err
	}
	account, err := a.stripe.Account(ctx, accountID)
	if err != nil {
		return nil, err
	}
	return &StripeData{CustomerID: customerID, AccountID: accountID, ChargesEnabled: account.ChargesEnabled}, nil
}
