package app

import (
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// Event is a fact of this context; package events turns it into its published
// form.
type Event interface{ isEvent() }

// ItemQuantityChanged says that a quantity was changed by hand.
type ItemQuantityChanged struct {
	Key   ItemKey
	Delta int64
	// Quantity is what there is after the change.
	Quantity domain.Decimal
	Version  int64
}

// PurchaseCompleted says that a customer came to own a product.
type PurchaseCompleted struct {
	Tenant       ids.Tenant
	Purchase     domain.Purchase
	Subscription bool
}

// SubscriptionChanged says that a subscription was renewed, switched, refunded,
// cancelled or replaced.
type SubscriptionChanged struct {
	Tenant       ids.Tenant
	Subscription domain.Subscription
}

func (ItemQuantityChanged) isEvent() {}
func (PurchaseCompleted) isEvent()   {}
func (SubscriptionChanged) isEvent() {}
