package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/postgres/db"
)

// Holdings implements app.Store.
func (s *Store) Holdings(ctx context.Context, tenant ids.Tenant, customer domain.Customer) (*domain.Holdings, error) {
	queries := db.New(s.db.Querier(ctx))
	subscriptions, err := queries.SubscriptionsOfCustomer(ctx, db.SubscriptionsOfCustomerParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CustomerType: string(customer.Type), CustomerID: customer.ID,
	})
	if err != nil {
		return nil, err
	}
	purchases, err := queries.OneTimePurchasesOfCustomer(ctx, db.OneTimePurchasesOfCustomerParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CustomerType: string(customer.Type), CustomerID: customer.ID,
	})
	if err != nil {
		return nil, err
	}
	holdings := &domain.Holdings{}
	for _, row := range subscriptions {
		subscription, err := toSubscription(row)
		if err != nil {
			return nil, err
		}
		holdings.Subscriptions = append(holdings.Subscriptions, subscription)
	}
	for _, row := range purchases {
		purchase, err := toOneTimePurchase(row)
		if err != nil {
			return nil, err
		}
		holdings.OneTime = append(holdings.OneTime, purchase)
	}
	return holdings, nil
}

func toSubscription(row db.Subscription) (domain.Subscription, error) {
	product, err := toProduct(row.Product)
	return domain.Subscription{
		Purchase: domain.Purchase{
			ID: row.ID, Customer: domain.Customer{Type: domain.CustomerType(row.CustomerType), ID: row.CustomerID},
			ProductID: row.ProductID, PriceID: row.PriceID, Product: product, Quantity: row.Quantity,
			Source: domain.Source(row.CreationSource), CreatedAt: row.CreatedAt, StripeID: row.StripeSubscriptionID,
			RefundedAt: row.RefundedAt, RefundedQuantity: row.RefundedQuantity,
		},
		Status: domain.Status(row.Status), Unpaid: !row.Started, PeriodStart: row.CurrentPeriodStart, PeriodEnd: row.CurrentPeriodEnd,
		CancelAtPeriodEnd: row.CancelAtPeriodEnd, CanceledAt: row.CanceledAt, EndedAt: row.EndedAt, Version: row.Version,
	}, err
}

func toOneTimePurchase(row db.OneTimePurchase) (domain.OneTimePurchase, error) {
	product, err := toProduct(row.Product)
	return domain.OneTimePurchase{
		Purchase: domain.Purchase{
			ID: row.ID, Customer: domain.Customer{Type: domain.CustomerType(row.CustomerType), ID: row.CustomerID},
			ProductID: row.ProductID, PriceID: row.PriceID, Product: product, Quantity: row.Quantity,
			Source: domain.Source(row.CreationSource), CreatedAt: row.CreatedAt, StripeID: row.StripePaymentIntentID,
			RefundedAt: row.RefundedAt, RefundedQuantity: row.RefundedQuantity,
		},
		RevokedAt: row.RevokedAt,
	}, err
}

func toProduct(snapshot []byte) (product domain.Product, err error) {
	if err := json.Unmarshal(snapshot, &product); err != nil {
		return product, fmt.Errorf("read stored product: %w", err)
	}
	return product, nil
}

func (t *tx) CreateSubscription(ctx context.Context, tenant ids.Tenant, s *domain.Subscription) error {
	product, err := json.Marshal(s.Product)
	if err != nil {
		return err
	}
	return t.queries.CreateSubscription(ctx, db.CreateSubscriptionParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: s.ID,
		CustomerType: string(s.Customer.Type), CustomerID: s.Customer.ID,
		ProductID: s.ProductID, PriceID: s.PriceID, Product: product, Quantity: s.Quantity, Status: string(s.Status),
		CurrentPeriodStart: s.PeriodStart, CurrentPeriodEnd: s.PeriodEnd,
		CancelAtPeriodEnd: s.CancelAtPeriodEnd, CanceledAt: s.CanceledAt, EndedAt: s.EndedAt,
		CreationSource: string(s.Source), CreatedAt: s.CreatedAt, StripeSubscriptionID: s.StripeID, Started: !s.Unpaid,
	})
}

func (t *tx) UpdateSubscription(ctx context.Context, tenant ids.Tenant, s *domain.Subscription) error {
	product, err := json.Marshal(s.Product)
	if err != nil {
		return err
	}
	return t.queries.UpdateSubscription(ctx, db.UpdateSubscriptionParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: s.ID,
		ProductID: s.ProductID, PriceID: s.PriceID, Product: product, Quantity: s.Quantity, Status: string(s.Status),
		CurrentPeriodStart: s.PeriodStart, CurrentPeriodEnd: s.PeriodEnd,
		CancelAtPeriodEnd: s.CancelAtPeriodEnd, CanceledAt: s.CanceledAt, EndedAt: s.EndedAt, Started: !s.Unpaid,
		RefundedAt: s.RefundedAt, RefundedQuantity: s.RefundedQuantity, Version: s.Version,
	})
}

func (t *tx) CreateOneTimePurchase(ctx context.Context, tenant ids.Tenant, p *domain.OneTimePurchase) error {
	product, err := json.Marshal(p.Product)
	if err != nil {
		return err
	}
	return t.queries.CreateOneTimePurchase(ctx, db.CreateOneTimePurchaseParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: p.ID,
		CustomerType: string(p.Customer.Type), CustomerID: p.Customer.ID,
		ProductID: p.ProductID, PriceID: p.PriceID, Product: product, Quantity: p.Quantity,
		CreationSource: string(p.Source), CreatedAt: p.CreatedAt, StripePaymentIntentID: p.StripeID,
	})
}
