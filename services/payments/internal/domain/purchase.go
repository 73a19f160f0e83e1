package domain

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Source says how a purchase came about.
type Source string

// The sources of purchases.
const (
	SourcePurchasePage Source = "PURCHASE_PAGE"
	SourceTestMode     Source = "TEST_MODE"
	SourceGrant        Source = "API_GRANT"
)

// Purchase is what subscriptions and one-time purchases have in common.
type Purchase struct {
	ID       string
	Customer Customer
	// ProductID is nil for an inline product.
	ProductID *string
	PriceID   *string
	// Product as it was bought.
	Product   Product
	Quantity  int64
	Source    Source
	CreatedAt time.Time
	// StripeID is the subscription or payment intent at the payment provider
	// that the purchase stands for; nil for one that was not paid for there.
	StripeID *string
	// RefundedAt is when money was sent back, of which RefundedQuantity is no
	// longer owned.
	RefundedAt       *time.Time
	RefundedQuantity int64
}

// Refund takes away a quantity for which money was sent back.
func (p *Purchase) Refund(now time.Time, quantity int64) {
	p.RefundedAt, p.RefundedQuantity = &now, quantity
}

// Subscription is a purchase that lasts until it is ended.
type Subscription struct {
	Purchase

	Status Status
	// Unpaid is true until the subscription was paid for once. Until then it
	// gives nothing and is not owned.
	Unpaid            bool
	PeriodStart       time.Time
	PeriodEnd         time.Time
	CancelAtPeriodEnd bool
	CanceledAt        *time.Time
	// EndedAt may lie ahead.
	EndedAt *time.Time
	// Version grows with every change.
	Version int64
}

// Status of a subscription, in the words of the payment provider.
type Status string

// The statuses.
const (
	StatusActive            Status = "active"
	StatusTrialing          Status = "trialing"
	StatusCanceled          Status = "canceled"
	StatusPastDue           Status = "past_due"
	StatusPaused            Status = "paused"
	StatusIncomplete        Status = "incomplete"
	StatusIncompleteExpired Status = "incomplete_expired"
	StatusUnpaid            Status = "unpaid"
)

// Starts reports whether a subscription with the status has been paid for.
func (s Status) Starts() bool {
	return s == StatusActive || s == StatusTrialing || s == StatusPastDue || s == StatusCanceled
}

// Over reports whether a subscription with the status will never be paid for
// again.
func (s Status) Over() bool { return s == StatusCanceled || s == StatusIncompleteExpired }

// Active reports whether the subscription is paid for or in its trial.
func (s *Subscription) Active() bool { return s.Status == StatusActive || s.Status == StatusTrialing }

// Cancel ends the subscription at a moment.
func (s *Subscription) Cancel(now, end time.Time) {
	s.Status, s.CancelAtPeriodEnd = StatusCanceled, true
	s.CanceledAt, s.EndedAt = &now, &end
	s.Version++
}

// Bill enters the quantity that the provider charges for from now on. What a
// refund took off the bill was bought all the same; it is just not owned any
// more.
func (s *Subscription) Bill(quantity int64) {
	if s.RefundedAt != nil && quantity == s.Quantity-s.RefundedQuantity {
		return
	}
	s.Quantity = quantity
}

// OneTimePurchase is a purchase that lasts for ever.
type OneTimePurchase struct {
	Purchase

	// RevokedAt ends the repetition of its items.
	RevokedAt *time.Time
}

// Stream is what the subscription adds to an item; false if nothing.
func (s *Subscription) Stream(itemID string) (Stream, bool) {
	stream, ok := s.stream(itemID)
	stream.End = s.EndedAt
	return stream, ok && !s.Unpaid
}

// Stream is what the purchase adds to an item; false if nothing.
func (o *OneTimePurchase) Stream(itemID string) (Stream, bool) {
	stream, ok := o.stream(itemID)
	stream.LastRepeat = o.RevokedAt
	return stream, ok
}

func (p *Purchase) stream(itemID string) (Stream, bool) {
	item, ok := p.Product.IncludedItems.Get(itemID)
	return Stream{
		PurchaseID: p.ID, Anchor: p.CreatedAt, Quantity: item.Quantity.Mul(Int(p.Quantity)),
		Every: item.Repeat.Every, Expires: item.Expires,
	}, ok
}

// Holdings are all purchases of a customer, oldest first.
type Holdings struct {
	Subscriptions []Subscription
	OneTime       []OneTimePurchase
}

// Streams are what all purchases add to an item, in order of their anchors.
func (h *Holdings) Streams(itemID string) []Stream {
	var streams []Stream
	for i := range h.Subscriptions {
		if stream, ok := h.Subscriptions[i].Stream(itemID); ok {
			streams = append(streams, stream)
		}
	}
	for i := range h.OneTime {
		if stream, ok := h.OneTime[i].Stream(itemID); ok {
			streams = append(streams, stream)
		}
	}
	slices.SortStableFunc(streams, func(a, b Stream) int {
		return cmp.Or(a.Anchor.Compare(b.Anchor), cmp.Compare(a.PurchaseID, b.PurchaseID))
	})
	return streams
}

// AsOf returns now or, if the clock of another process is ahead of ours, the
// moment of the last change. Questions about the present are asked as of then.
func (h *Holdings) AsOf(now time.Time) time.Time {
	later := func(at *time.Time) {
		if at != nil && at.After(now) {
			now = *at
		}
	}
	for i := range h.Subscriptions {
		s := &h.Subscriptions[i]
		later(&s.CreatedAt)
		later(s.RefundedAt)
		// What the provider tells is as of its own clock.
		if s.StripeID == nil {
			later(s.CanceledAt)
		}
	}
	for i := range h.OneTime {
		later(&h.OneTime[i].CreatedAt)
		later(h.OneTime[i].RefundedAt)
	}
	return now
}

// Owned is a product that a customer owns.
type Owned struct {
	// ProductID is nil for inline products, which all count as one.
	ProductID *string
	// Product as it was bought last.
	Product  Product
	Quantity int64
}

// inlineKey stands for all inline products together.
const inlineKey = "__null__"

// Key names the product among those owned.
func (o *Owned) Key() string {
	if o.ProductID == nil {
		return inlineKey
	}
	return *o.ProductID
}

// Owned lists the products owned at a moment, by key (payments.md §3.4).
func (h *Holdings) Owned(now time.Time) []Owned {
	type event struct {
		at       time.Time
		quantity int64
		purchase *Purchase
	}
	var events []event
	refund := func(p *Purchase) {
		if p.RefundedAt != nil {
			events = append(events, event{*p.RefundedAt, -p.RefundedQuantity, p})
		}
	}
	for i := range h.Subscriptions {
		s := &h.Subscriptions[i]
		switch {
		case s.Unpaid:
			continue
		case s.EndedAt == nil || s.EndedAt.After(now):
		case !s.EndedAt.After(s.CreatedAt):
			continue // over before it began
		default:
			events = append(events, event{*s.EndedAt, -s.Quantity, &s.Purchase})
		}
		events = append(events, event{s.CreatedAt, s.Quantity, &s.Purchase})
		refund(&s.Purchase)
	}
	for i := range h.OneTime {
		p := &h.OneTime[i].Purchase
		events = append(events, event{p.CreatedAt, p.Quantity, p})
		refund(p)
	}
	slices.SortStableFunc(events, func(a, b event) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.quantity, b.quantity))
	})
	byKey := map[string]*Owned{}
	for _, e := range events {
		if e.at.After(now) {
			break
		}
		key := (&Owned{ProductID: e.purchase.ProductID}).Key()
		owned := byKey[key]
		if owned == nil {
			owned = &Owned{ProductID: e.purchase.ProductID}
			byKey[key] = owned
		}
		owned.Quantity = max(0, owned.Quantity+e.quantity)
		if e.quantity > 0 {
			owned.Product = e.purchase.Product
		}
	}
	all := make([]Owned, 0, len(byKey))
	for _, owned := range byKey {
		if owned.Quantity > 0 {
			all = append(all, *owned)
		}
	}
	slices.SortFunc(all, func(a, b Owned) int { return compareIDs(a.Key(), b.Key()) })
	return all
}

// compareIDs is the order in which the API lists ids: by their upper-case
// forms, lower case first among equals. So "_" comes after letters.
func compareIDs(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToUpper(a), strings.ToUpper(b)), strings.Compare(b, a))
}

// Subscription returns the newest active subscription to a product at a
// moment; a nil id means any inline product.
func (h *Holdings) Subscription(productID *string) *Subscription {
	for i := range slices.Backward(h.Subscriptions) {
		if s := &h.Subscriptions[i]; s.Active() && sameProduct(s.ProductID, productID) {
			return s
		}
	}
	return nil
}

func sameProduct(a, b *string) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// Owns reports whether a product is owned at a moment.
func (h *Holdings) Owns(productID string, now time.Time) bool {
	return slices.ContainsFunc(h.Owned(now), func(o Owned) bool { return o.ProductID != nil && *o.ProductID == productID })
}
