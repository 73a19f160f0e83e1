package app

import "vestibule.dev/services/payments/internal/domain"

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

func (ItemQuantityChanged) isEvent() {}
