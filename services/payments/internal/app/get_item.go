package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/payments/internal/domain"
)

// Item is a quantity that a customer has.
type Item struct {
	ID          string
	DisplayName string
	Quantity    domain.Decimal
}

// GetItem tells how much of an item a customer has now (payments.md §5.1).
func (a *App) GetItem(ctx context.Context, customer domain.Customer, itemID string) (*Item, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.authorize(ctx, req, customer); err != nil {
		return nil, err
	}
	title, err := configuredItem(req, customer, itemID)
	if err != nil {
		return nil, err
	}
	account, state, err := a.store.ItemAccount(ctx, ItemKey{Tenant: req.tenant, Customer: customer, ItemID: itemID})
	switch {
	case err != nil:
		return nil, err
	case state == CustomerDeleted:
		return nil, customerNotFound(customer)
	case state == CustomerUnknown && req.Access.Trusted():
		if err := a.requireCustomer(ctx, req.tenant, customer); err != nil {
			return nil, err
		}
	}
	return &Item{ID: itemID, DisplayName: title.DisplayName, Quantity: account.BalanceAt(a.clock.Now())}, nil
}

// configuredItem returns how an item is configured and refuses one that is
// unknown or for another type of customer.
func configuredItem(req request, customer domain.Customer, itemID string) (domain.ItemTitle, error) {
	title, ok := req.project.Catalog.Items[itemID]
	switch {
	case !ok:
		return title, apierr.ItemNotFound(itemID)
	case title.CustomerType != customer.Type:
		return title, apierr.ItemCustomerTypeDoesNotMatch(itemID, customer.ID, string(title.CustomerType), string(customer.Type))
	}
	return title, nil
}
