package app

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// RefundEntry is what is refunded of one entry of a transaction.
type RefundEntry struct {
	// Index is the entry's position; it must be a grant of a product.
	Index int64 `json:"entry_index"`
	// Quantity of the product is no longer owned.
	Quantity int64 `json:"quantity"`
	// Amount is in US dollars.
	Amount string `json:"amount_usd"`
}

// PurchaseRefund says what is refunded.
type PurchaseRefund struct {
	// Subscription tells a subscription from a one-time purchase.
	Subscription bool
	PurchaseID   string
	Entries      []RefundEntry
}

// RefundPurchase sends money back, once for each purchase (payments.md §8.4).
// Items stay with the customer.
func (a *App) RefundPurchase(ctx context.Context, in PurchaseRefund) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	_, err = once(ctx, a, req.tenant, func(ctx context.Context) (nothing, error) {
		if in.Subscription {
			return nothing{}, a.refundSubscription(ctx, req, in)
		}
		return nothing{}, a.refundOneTime(ctx, req, in)
	})
	return err
}

func (a *App) refundSubscription(ctx context.Context, req request, in PurchaseRefund) error {
	var subscription *domain.Subscription
	if ids.ValidUUID(in.PurchaseID) {
		var err error
		if subscription, err = a.store.Subscription(ctx, req.tenant, in.PurchaseID); err != nil {
			return err
		}
	}
	var invoice *Invoice
	switch {
	case subscription == nil:
		return apierr.SubscriptionInvoiceNotFound(in.PurchaseID)
	case subscription.RefundedAt != nil:
		// One that was not completed goes on.
		completed, err := a.store.RefundsOf(ctx, req.tenant, []string{in.PurchaseID})
		if err != nil {
			return err
		}
		if _, ok := completed[in.PurchaseID]; ok {
			return apierr.SubscriptionAlreadyRefunded(in.PurchaseID)
		}
	}
	if subscription.StripeID != nil {
		var err error
		if invoice, err = a.store.CreationInvoice(ctx, req.tenant, *subscription.StripeID); err != nil {
			return err
		}
	}
	if invoice == nil {
		return apierr.SubscriptionInvoiceNotFound(in.PurchaseID)
	}
	refund, err := checkRefund(&subscription.Purchase, in)
	if err != nil {
		return err
	}
	accountID, err := a.stripeAccount(ctx, req.tenant)
	if err != nil {
		return err
	}
	already := apierr.SubscriptionAlreadyRefunded(in.PurchaseID)
	if refund, err = a.beginRefund(ctx, req.tenant, refund, already); err != nil {
		return err
	}
	paymentIntentID, err := a.stripe.InvoicePayment(ctx, accountID, invoice.StripeInvoiceID)
	if err != nil {
		return err
	}
	if paymentIntentID == "" {
		return a.abandonRefund(ctx, req.tenant, refund, apierr.SubscriptionInvoiceNotFound(in.PurchaseID))
	}
	if err := a.sendBack(ctx, req.tenant, accountID, refund, StripeRefund{PaymentIntentID: paymentIntentID, Amount: refund.Amount}); err != nil {
		return err
	}
	// What is taken off the bill must be known to have been bought before the
	// provider tells of a smaller quantity.
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		return a.takeBack(ctx, tx, req.tenant, subscription.Customer, refund)
	})
	if err != nil {
		return err
	}
	if refund.Quantity > 0 {
		left := subscription.Quantity - refund.Quantity
		if err := a.stripe.ReduceSubscription(ctx, accountID, "refund-quantity/"+in.PurchaseID, *subscription.StripeID, left); err != nil {
			return err
		}
	}
	_, err = commit(ctx, a, req.tenant, func(ctx context.Context, tx Tx) (nothing, error) {
		return nothing{}, a.completeRefund(ctx, tx, req.tenant, refund, already)
	})
	return err
}

func (a *App) refundOneTime(ctx context.Context, req request, in PurchaseRefund) error {
	var purchase *domain.OneTimePurchase
	if ids.ValidUUID(in.PurchaseID) {
		var err error
		if purchase, err = a.store.OneTimePurchase(ctx, req.tenant, in.PurchaseID); err != nil {
			return err
		}
	}
	already := apierr.OneTimePurchaseAlreadyRefunded(in.PurchaseID)
	switch {
	case purchase == nil:
		return apierr.OneTimePurchaseNotFound(in.PurchaseID)
	case purchase.RefundedAt != nil:
		return already
	case purchase.Source == domain.SourceTestMode:
		return apierr.TestModePurchaseNonRefundable()
	case purchase.StripeID == nil:
		return apierr.OneTimePurchaseNotFound(in.PurchaseID)
	}
	refund, err := checkRefund(&purchase.Purchase, in)
	if err != nil {
		return err
	}
	accountID, err := a.stripeAccount(ctx, req.tenant)
	if err != nil {
		return err
	}
	if refund, err = a.beginRefund(ctx, req.tenant, refund, already); err != nil {
		return err
	}
	var tenancyID string
	if err := a.store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		tenancyID, err = tx.TenancyID(ctx, req.tenant)
		return err
	}); err != nil {
		return err
	}
	err = a.sendBack(ctx, req.tenant, accountID, refund, StripeRefund{
		PaymentIntentID: *purchase.StripeID, Amount: refund.Amount,
		Metadata: map[string]string{metaTenancyID: tenancyID, "purchaseId": in.PurchaseID},
	})
	if err != nil {
		return err
	}
	_, err = commit(ctx, a, req.tenant, func(ctx context.Context, tx Tx) (nothing, error) {
		if err := a.takeBack(ctx, tx, req.tenant, purchase.Customer, refund); err != nil {
			return nothing{}, err
		}
		return nothing{}, a.completeRefund(ctx, tx, req.tenant, refund, already)
	})
	return err
}

// checkRefund refuses what is more than was bought, and adds up the entries. The
// one grant of a product is the first entry of a transaction.
func checkRefund(purchase *domain.Purchase, in PurchaseRefund) (*Refund, error) {
	refund := &Refund{PurchaseID: in.PurchaseID, Entries: in.Entries}
	price, ok := domain.Price{}, false
	if purchase.PriceID != nil {
		price, ok = purchase.Product.Prices.ByID.Get(*purchase.PriceID)
	}
	amount, inDollars := price.In(domain.USD)
	if !ok || !inDollars {
		return nil, apierr.SchemaError("body.id names a purchase without a price in US dollars")
	}
	unit, err := domain.MinorUnits(domain.USD, amount.Text)
	if err != nil {
		return nil, err
	}
	var seen []int64
	paid := domain.Int(unit).Mul(domain.Int(purchase.Quantity))
	total := domain.Int(0)
	for _, entry := range in.Entries {
		if entry.Index != 0 || slices.Contains(seen, entry.Index) {
			return nil, apierr.SchemaError("body.refund_entries must each name another grant of a product")
		}
		if seen = append(seen, entry.Index); entry.Quantity < 0 || entry.Quantity > purchase.Quantity {
			return nil, apierr.SchemaError("body.refund_entries must refund no more than was bought")
		}
		cents, err := domain.MinorUnits(domain.USD, entry.Amount)
		if err != nil {
			return nil, apierr.SchemaError("body.refund_entries must name amounts such as \"9.99\"")
		}
		refund.Quantity += entry.Quantity
		refund.Amount += cents
		total = total.Add(domain.Int(cents))
	}
	if total.Cmp(paid) > 0 {
		return nil, apierr.SchemaError("body.refund_entries must refund no more than was paid")
	}
	return refund, nil
}

// beginRefund writes a refund down before money is sent, so that there is one
// at most. One that was begun and not completed goes on if it is the same.
func (a *App) beginRefund(ctx context.Context, tenant ids.Tenant, refund *Refund, already error) (begun *Refund, err error) {
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		begun, err = tx.BeginRefund(ctx, tenant, refund)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case begun.CompletedAt != nil, begun.Quantity != refund.Quantity, begun.Amount != refund.Amount:
		return nil, already
	}
	return begun, nil
}

// sendBack sends the money. If the provider refuses, there was no refund.
func (a *App) sendBack(ctx context.Context, tenant ids.Tenant, accountID string, refund *Refund, order StripeRefund) error {
	if refund.Amount == 0 {
		return nil
	}
	err := a.stripe.Refund(ctx, accountID, "refund/"+refund.PurchaseID, order)
	if known, ok := errors.AsType[*apierr.Error](err); ok && known.HTTP < http.StatusInternalServerError {
		return a.abandonRefund(ctx, tenant, refund, err)
	}
	return err
}

func (a *App) abandonRefund(ctx context.Context, tenant ids.Tenant, refund *Refund, because error) error {
	err := a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error { return tx.AbandonRefund(ctx, tenant, refund.PurchaseID) })
	if err != nil {
		return err
	}
	return because
}

// takeBack takes away what is no longer owned, once.
func (a *App) takeBack(ctx context.Context, tx Tx, tenant ids.Tenant, customer domain.Customer, refund *Refund) error {
	if err := lockCustomer(ctx, tx, tenant, customer); err != nil && !isCustomerNotFound(err) {
		return err
	}
	holdings, err := a.store.Holdings(ctx, tenant, customer)
	if err != nil {
		return err
	}
	at := holdings.AsOf(a.clock.Now()).UTC().Truncate(domain.Tick)
	for i := range holdings.Subscriptions {
		if s := &holdings.Subscriptions[i]; s.ID == refund.PurchaseID && s.RefundedAt == nil {
			s.Refund(at, refund.Quantity)
			s.Version++
			if err := tx.UpdateSubscription(ctx, tenant, s); err != nil {
				return err
			}
			return tx.Emit(ctx, SubscriptionChanged{Tenant: tenant, Subscription: *s}, PurchaseRefunded{Tenant: tenant, Purchase: s.Purchase, Refund: *refund})
		}
	}
	for i := range holdings.OneTime {
		if p := &holdings.OneTime[i]; p.ID == refund.PurchaseID && p.RefundedAt == nil {
			p.Refund(at, refund.Quantity)
			if err := tx.RefundOneTimePurchase(ctx, tenant, p); err != nil {
				return err
			}
			return tx.Emit(ctx, PurchaseRefunded{Tenant: tenant, Purchase: p.Purchase, Refund: *refund})
		}
	}
	return nil
}

// completeRefund ends a refund. Of those that do at the same time, one has made
// it.
func (a *App) completeRefund(ctx context.Context, tx Tx, tenant ids.Tenant, refund *Refund, already error) error {
	first, err := tx.CompleteRefund(ctx, tenant, refund.PurchaseID, a.clock.Now())
	if err == nil && !first {
		err = already
	}
	return err
}
