package domain

import (
	"net/http"
	"slices"
	"time"

	"vestibule.dev/pkg/apierr"
)

// Offer is something a customer is about to buy.
type Offer struct {
	Customer Customer
	// ProductID is nil for an inline product.
	ProductID *string
	Product   Product
}

// Selection is what a customer chose of an offer.
type Selection struct {
	// PriceID is empty and Price nil for a product without prices.
	PriceID string
	Price   *Price
	// Conflicts are the active subscriptions of the same product line that the
	// purchase replaces, oldest first.
	Conflicts []Subscription
}

// Recurring reports whether the purchase is a subscription.
func (s *Selection) Recurring() bool { return s.Price != nil && s.Price.Interval != nil }

// Select checks whether the customer may buy the offer at a price in a quantity
// (payments.md §4.3). A nil priceID means the first price.
func (o *Offer) Select(holdings *Holdings, priceID *string, quantity int64, now time.Time) (*Selection, error) {
	selection, err := o.price(priceID)
	if err != nil {
		return nil, err
	}
	if quantity != 1 && !o.Product.Stackable {
		return nil, apierr.Text(http.StatusBadRequest, "This product can be bought once only; its quantity must be 1.")
	}
	owned := holdings.Owned(now)
	if err := o.CheckOwned(owned); err != nil {
		return nil, err
	}
	if o.Product.IsAddOn() && !slices.ContainsFunc(owned, o.isBase) {
		return nil, apierr.Text(http.StatusBadRequest, "This product is an add-on to a product that the customer does not own.")
	}
	if len(o.Rivals(owned)) == 0 {
		return selection, nil
	}
	for _, subscription := range holdings.Subscriptions {
		rival := Owned{ProductID: subscription.ProductID, Product: subscription.Product}
		if subscription.Active() && o.rivals(rival) {
			selection.Conflicts = append(selection.Conflicts, subscription)
		}
	}
	if len(selection.Conflicts) == 0 {
		return nil, apierr.Text(http.StatusBadRequest, "The customer owns a one-time purchase in this product line, which cannot be replaced.")
	}
	return selection, nil
}

func (o *Offer) price(priceID *string) (*Selection, error) {
	prices := o.Product.Prices.ByID
	switch {
	case priceID != nil:
		price, ok := prices.Get(*priceID)
		if !ok {
			return nil, apierr.Text(http.StatusBadRequest, "The product has no such price.")
		}
		return &Selection{PriceID: *priceID, Price: &price}, nil
	case len(prices) == 0:
		return &Selection{}, nil
	}
	return &Selection{PriceID: prices[0].ID, Price: &prices[0].Value}, nil
}

// CheckOwned refuses a product that is owned and cannot be owned twice.
func (o *Offer) CheckOwned(owned []Owned) error {
	if o.AlreadyOwned(owned) {
		return apierr.ProductAlreadyGranted(*o.ProductID, o.Customer.ID)
	}
	return nil
}

// AlreadyOwned reports whether the product is owned and cannot be owned twice.
func (o *Offer) AlreadyOwned(owned []Owned) bool {
	return o.ProductID != nil && !o.Product.Stackable &&
		slices.ContainsFunc(owned, func(other Owned) bool { return other.Key() == *o.ProductID })
}

// Rivals are the owned products of the offer's line that it does not go
// together with.
func (o *Offer) Rivals(owned []Owned) []Owned {
	return slices.DeleteFunc(slices.Clone(owned), func(other Owned) bool { return !o.rivals(other) })
}

func (o *Offer) rivals(other Owned) bool {
	return o.Product.LineID != "" && other.Product.LineID == o.Product.LineID && !o.isBase(other)
}

func (o *Offer) isBase(other Owned) bool {
	return other.ProductID != nil && slices.Contains(o.Product.AddOnTo, *other.ProductID)
}
