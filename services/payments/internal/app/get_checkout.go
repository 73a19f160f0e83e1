package app

import "context"

// Checkout is everything the checkout page shows.
type Checkout struct {
	*PurchaseOverview

	// Items are the included items that have a title, by their position among
	// those of the product.
	Items []CheckoutItem
	// StripePublishableKey is the key with which a browser talks to the payment
	// provider; empty if there is none.
	StripePublishableKey string
}

// CheckoutItem is an included item as people know it.
type CheckoutItem struct {
	ID          string
	DisplayName string
}

// GetCheckout tells the checkout page what a purchase code is for. Items that
// the project has not configured cannot be used and are not shown.
func (a *App) GetCheckout(ctx context.Context, fullCode string, returnURL *string) (*Checkout, error) {
	overview, err := a.ValidatePurchaseCode(ctx, fullCode, returnURL)
	if err != nil {
		return nil, err
	}
	checkout := &Checkout{PurchaseOverview: overview, StripePublishableKey: a.stripePublishableKey}
	for _, item := range overview.Product.IncludedItems {
		title, ok := overview.Project.Catalog.Items[item.ID]
		if !ok || item.Value.Quantity.Sign() <= 0 {
			continue
		}
		name := title.DisplayName
		if name == "" {
			name = item.ID
		}
		checkout.Items = append(checkout.Items, CheckoutItem{ID: item.ID, DisplayName: name})
	}
	return checkout, nil
}
