package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/payments/internal/domain"
)

// CreatePurchaseSession settles a purchase that costs nothing; without a payment
// provider no other can be begun (payments.md §6.4).
func (a *App) CreatePurchaseSession(ctx context.Context, choice PurchaseChoice) error {
	code, project, err := a.openCode(ctx, choice.FullCode)
	if err != nil {
		return err
	}
	if project.Catalog.BlockNewPurchases {
		return apierr.NewPurchasesBlocked()
	}
	price, ok := code.Offer.Product.Prices.ByID.Get(choice.PriceID)
	if !ok || price.Interval == nil || !price.Free() {
		return errNotSetUp
	}
	_, err = a.settleCode(ctx, code, choice, domain.SourcePurchasePage)
	return err
}
