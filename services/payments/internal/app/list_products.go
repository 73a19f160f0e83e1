package app

import (
	"context"
	"net/http"
	"slices"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/payments/internal/domain"
)

// OwnedProduct is a product that a customer owns.
type OwnedProduct struct {
	domain.Owned

	// Subscription is the newest active one; nil if there is none.
	Subscription *domain.Subscription
	// InLine says that the product belongs to a line, so that Options mean
	// something.
	InLine bool
	// Options are the products that a subscription can be switched to, in the
	// order of the configuration and with their recurring prices alone.
	Options domain.Record[domain.Product]
}

// ListProducts lists what a customer owns now, and where the list goes on
// (payments.md §7.1); an empty cursor is the beginning or the end.
func (a *App) ListProducts(ctx context.Context, customer domain.Customer, cursor string, limit int) (page []OwnedProduct, next string, err error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := a.authorize(ctx, req, customer); err != nil {
		return nil, "", err
	}
	if err := a.requireOther(ctx, req, customer); err != nil {
		return nil, "", err
	}
	holdings, err := a.store.Holdings(ctx, req.tenant, customer)
	if err != nil {
		return nil, "", err
	}
	owned := holdings.Owned(holdings.AsOf(a.clock.Now()))
	if !req.Access.Trusted() {
		owned = slices.DeleteFunc(owned, func(o domain.Owned) bool { return o.Product.ServerOnly })
	}
	if cursor != "" {
		i := slices.IndexFunc(owned, func(o domain.Owned) bool { return o.Key() == cursor })
		if i < 0 {
			return nil, "", errCursor
		}
		owned = owned[i:]
	}
	if len(owned) > limit {
		owned, next = owned[:limit], owned[limit].Key()
	}
	for _, o := range owned {
		page = append(page, OwnedProduct{
			Owned: o, Subscription: holdings.Subscription(o.ProductID),
			InLine: o.Product.LineID != "", Options: req.project.Catalog.SwitchOptions(&o, req.Access.Trusted()),
		})
	}
	return page, next, nil
}

var errCursor = apierr.Text(http.StatusBadRequest, "The cursor does not belong to this list.")

// requireOther refuses customers that do not exist. It does not ask again
// about a client's own user or team, which [App.authorize] has seen.
func (a *App) requireOther(ctx context.Context, req request, customer domain.Customer) error {
	if !req.Access.Trusted() {
		return nil
	}
	return a.requireCustomer(ctx, req.tenant, customer)
}
