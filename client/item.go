package client

import (
	"context"
	"time"

	paymentsv1 "vestibule.dev/proto/payments/v1"
)

// Customer is who has items: "user", "team" or "custom" with an id.
type Customer struct{ Type, ID string }

// Item is a quantity of something that a customer has.
type Item = paymentsv1.Item

// Item returns how much of an item a customer has at this moment, which may be
// less than nothing. Errors: ITEM_NOT_FOUND, USER_NOT_FOUND, TEAM_NOT_FOUND,
// ITEM_CUSTOMER_TYPE_DOES_NOT_MATCH.
func (c *Client) Item(ctx context.Context, customer Customer, itemID string) (*Item, error) {
	return paymentsv1.NewItemServiceClient(c.Payments()).GetItem(ctx, &paymentsv1.GetItemRequest{
		CustomerType: customer.Type, CustomerId: customer.ID, ItemId: itemID,
	})
}

// ItemChange is a change of a quantity.
type ItemChange struct {
	// Delta is added, or taken if negative.
	Delta int64
	// AllowNegative lets a customer have less than nothing; otherwise a change
	// that would leave that has no effect and fails with
	// ITEM_QUANTITY_INSUFFICIENT_AMOUNT.
	AllowNegative bool
	// ExpiresAt is when what was added and not used disappears; zero means
	// never.
	ExpiresAt   time.Time
	Description string
}

// ChangeItemQuantity adds to what a customer has of an item or takes from it.
// Parallel changes never overdraw. A call whose answer was lost may have had
// its effect; the quantity tells.
func (c *Client) ChangeItemQuantity(ctx context.Context, customer Customer, itemID string, change ItemChange) error {
	quantity := &paymentsv1.ItemQuantityChange{Delta: change.Delta}
	if !change.ExpiresAt.IsZero() {
		at := change.ExpiresAt.UTC().Format(time.RFC3339Nano)
		quantity.ExpiresAt = &at
	}
	if change.Description != "" {
		quantity.Description = &change.Description
	}
	_, err := paymentsv1.NewItemServiceClient(c.Payments()).UpdateItemQuantity(ctx, &paymentsv1.UpdateItemQuantityRequest{
		CustomerType: customer.Type, CustomerId: customer.ID, ItemId: itemID,
		AllowNegative: change.AllowNegative, Change: quantity,
	})
	return err
}
