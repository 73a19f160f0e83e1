package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// syncSubscriptions brings the subscriptions of a customer in line with what
// the provider knows now, whatever made it tell (payments.md §9.3). Of readings
// that overlap the one that was begun last counts, so that it does not matter in
// which order the provider's messages arrive.
func (a *App) syncSubscriptions(ctx context.Context, tenant ids.Tenant, accountID, stripeCustomerID string) error {
	var number int64
	if err := a.store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		number, err = tx.TakeReading(ctx, tenant, stripeCustomerID)
		return err
	}); err != nil {
		return err
	}
	known, err := a.stripe.Customer(ctx, accountID, stripeCustomerID)
	if err != nil || known == nil {
		return err
	}
	customer, ok := customerOf(known.Metadata)
	if !ok {
		return fmt.Errorf("the metadata of customer %s names no customer", stripeCustomerID)
	}
	found, err := a.stripe.Subscriptions(ctx, accountID, stripeCustomerID)
	if err != nil {
		return err
	}
	var adoptions []adoption
	for _, subscription := range found {
		if !subscription.HasItems {
			continue
		}
		product, err := a.soldProduct(ctx, tenant, subscription.Metadata)
		if err != nil {
			return fmt.Errorf("subscription %s: %w", subscription.ID, err)
		}
		adoptions = append(adoptions, adoption{subscription, *product})
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		latest, err := tx.ApplyReading(ctx, tenant, stripeCustomerID, number)
		if err != nil || !latest {
			return err
		}
		return a.adoptAll(ctx, tx, tenant, customer, adoptions)
	})
}

// soldProduct is the product that metadata at the provider names or holds.
func (a *App) soldProduct(ctx context.Context, tenant ids.Tenant, metadata map[string]string) (*domain.Product, error) {
	if id := metadata[metaProductVersionID]; id != "" {
		product, err := a.store.ProductVersion(ctx, tenant, id)
		if err != nil || product != nil {
			return product, err
		}
	}
	for _, key := range []string{"product", "offer"} {
		if text := metadata[key]; text != "" {
			product := &domain.Product{}
			if err := json.Unmarshal([]byte(text), product); err != nil {
				return nil, fmt.Errorf("read the product in the metadata: %w", err)
			}
			return product, nil
		}
	}
	return nil, fmt.Errorf("the metadata names no product")
}

// adoption is a subscription at the provider and what it is to.
type adoption struct {
	StripeSubscription

	product domain.Product
}

// adoptAll writes subscriptions as the provider knows them. Those of a customer
// that was deleted, which may have been paid for at the last moment, end.
func (a *App) adoptAll(ctx context.Context, tx Tx, tenant ids.Tenant, customer domain.Customer, adoptions []adoption) error {
	err := lockCustomer(ctx, tx, tenant, customer)
	gone := isCustomerNotFound(err)
	if err != nil && !gone {
		return err
	}
	holdings, err := a.store.Holdings(ctx, tenant, customer)
	if err != nil {
		return err
	}
	var known, ends []string
	var products []*domain.Product
	for i := range adoptions {
		if gone && !adoptions[i].Status.Over() {
			ends = append(ends, adoptions[i].ID)
		}
		products = append(products, &adoptions[i].product)
		if j := ofStripe(holdings, adoptions[i].ID); j >= 0 {
			known = append(known, holdings.Subscriptions[j].ID)
		}
	}
	book, err := openBook(ctx, tx, holdings.AsOf(a.clock.Now()), tenant, customer, holdings, known, products...)
	if err != nil {
		return err
	}
	for i := range adoptions {
		adopted := domain.Subscription{Purchase: domain.Purchase{
			ID: ids.NewUUID(), Customer: customer, Source: domain.SourcePurchasePage, StripeID: &adoptions[i].ID,
		}, Unpaid: true}
		if j := ofStripe(book.holdings, adoptions[i].ID); j >= 0 {
			adopted = book.holdings.Subscriptions[j]
		} else {
			owner, err := tx.ClaimStripePurchase(ctx, tenant, adoptions[i].ID, adopted.ID)
			if err != nil {
				return err
			}
			if owner != adopted.ID {
				return fmt.Errorf("subscription %s belongs to another customer", adoptions[i].ID)
			}
		}
		adoptions[i].apply(&adopted, book.at)
		if err := book.adopt(ctx, adopted); err != nil {
			return err
		}
	}
	if err := book.close(ctx); err != nil {
		return err
	}
	return a.orderEndings(ctx, tx, tenant, ends)
}

func ofStripe(holdings *domain.Holdings, stripeID string) int {
	return slices.IndexFunc(holdings.Subscriptions, func(s domain.Subscription) bool { return s.StripeID != nil && *s.StripeID == stripeID })
}

func isCustomerNotFound(err error) bool {
	return apierr.HasCode(err, apierr.CodeUserNotFound) || apierr.HasCode(err, apierr.CodeTeamNotFound)
}

// apply writes what the provider knows into the row of a subscription.
func (s *adoption) apply(row *domain.Subscription, now time.Time) {
	row.Product = s.product
	row.ProductID, row.PriceID = orNil(firstOf(s.Metadata, metaProductID, "offerId")), orNil(s.Metadata[metaPriceID])
	row.Bill(max(1, s.Quantity))
	row.Status = s.Status
	row.Unpaid = row.Unpaid && !s.Status.Starts()
	row.CancelAtPeriodEnd = s.CancelAtPeriodEnd
	switch {
	case s.PeriodEnd.After(s.PeriodStart):
		row.PeriodStart, row.PeriodEnd = s.PeriodStart, s.PeriodEnd
	case row.PeriodEnd.IsZero(): // there is none yet
		row.PeriodStart, row.PeriodEnd = now, domain.Interval{Count: 1, Unit: "month"}.After(now)
	}
	if s.CanceledAt != nil {
		row.CanceledAt = s.CanceledAt
	}
	switch s.Status {
	case domain.StatusIncompleteExpired, domain.StatusUnpaid:
		if s.EndedAt != nil {
			row.EndedAt = s.EndedAt
		} else if row.EndedAt == nil {
			row.EndedAt = &now
		}
	case domain.StatusCanceled:
		row.EndedAt = new(row.PeriodEnd)
	}
}

// firstOf returns the value of the first key that has one.
func firstOf(metadata map[string]string, keys ...string) string {
	for _, key := range keys {
		if metadata[key] != "" {
			return metadata[key]
		}
	}
	return ""
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
