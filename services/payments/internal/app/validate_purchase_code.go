package app

import (
	"context"

	"vestibule.dev/services/payments/internal/domain"
)

// PurchaseOverview is what the checkout page needs to know.
type PurchaseOverview struct {
	Project *Project
	Product domain.Product
	// AlreadyOwned says that the customer owns the product and cannot own it
	// twice.
	AlreadyOwned bool
	// Conflicts are owned products of the same line, by id.
	Conflicts []domain.Owned
	// Stripe is nil when payments were not set up as the code was made.
	Stripe *StripeData
}

// ValidatePurchaseCode tells what a purchase code is for (payments.md §6.2).
func (a *App) ValidatePurchaseCode(ctx context.Context, fullCode string, returnURL *string) (*PurchaseOverview, error) {
	ctx, code, project, err := a.openCode(ctx, fullCode)
	if err != nil {
		return nil, err
	}
	if err := checkReturnURL(project, returnURL); err != nil {
		return nil, err
	}
	offer := code.Offer
	holdings, err := a.store.Holdings(ctx, code.Tenant, offer.Customer)
	if err != nil {
		return nil, err
	}
	owned := holdings.Owned(holdings.AsOf(a.clock.Now()))
	overview := &PurchaseOverview{Project: project, Product: offer.Product, Stripe: code.Stripe, AlreadyOwned: offer.AlreadyOwned(owned)}
	if _, ok := project.Catalog.Lines[offer.Product.LineID]; ok && len(offer.Product.Recurring()) > 0 {
		overview.Conflicts = offer.Rivals(owned)
	}
	return overview, nil
}
