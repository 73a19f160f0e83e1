package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/postgres/db"
)

// Subscription implements app.Store.
func (s *Store) Subscription(ctx context.Context, tenant ids.Tenant, id string) (*domain.Subscription, error) {
	row, err := db.New(s.db.Querier(ctx)).SubscriptionByID(ctx, db.SubscriptionByIDParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	subscription, err := toSubscription(row)
	return &subscription, err
}

// OneTimePurchase implements app.Store.
func (s *Store) OneTimePurchase(ctx context.Context, tenant ids.Tenant, id string) (*domain.OneTimePurchase, error) {
	row, err := db.New(s.db.Querier(ctx)).OneTimePurchaseByID(ctx, db.OneTimePurchaseByIDParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	purchase, err := toOneTimePurchase(row)
	return &purchase, err
}

// SubscriptionsPage implements app.Store.
func (s *Store) SubscriptionsPage(ctx context.Context, tenant ids.Tenant, customerType string, after app.Position, count int) ([]domain.Subscription, error) {
	createdAt, id := position(after)
	rows, err := db.New(s.db.Querier(ctx)).SubscriptionsPage(ctx, db.SubscriptionsPageParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CustomerType: orNil(customerType),
		AfterCreatedAt: createdAt, AfterID: id, Count: int32(count),
	})
	return convert(rows, err, toSubscription)
}

// OneTimePurchasesPage implements app.Store.
func (s *Store) OneTimePurchasesPage(ctx context.Context, tenant ids.Tenant, customerType string, after app.Position, count int) ([]domain.OneTimePurchase, error) {
	createdAt, id := position(after)
	rows, err := db.New(s.db.Querier(ctx)).OneTimePurchasesPage(ctx, db.OneTimePurchasesPageParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CustomerType: orNil(customerType),
		AfterCreatedAt: createdAt, AfterID: id, Count: int32(count),
	})
	return convert(rows, err, toOneTimePurchase)
}

// ChangesPage implements app.Store.
func (s *Store) ChangesPage(ctx context.Context, tenant ids.Tenant, customerType string, after app.Position, count int) ([]app.ChangeOfCustomer, error) {
	createdAt, id := position(after)
	rows, err := db.New(s.db.Querier(ctx)).ItemQuantityChangesPage(ctx, db.ItemQuantityChangesPageParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CustomerType: orNil(customerType),
		AfterCreatedAt: createdAt, AfterID: id, Count: int32(count),
	})
	return convert(rows, err, func(row db.ItemQuantityChange) (app.ChangeOfCustomer, error) {
		return app.ChangeOfCustomer{
			ItemQuantityChange: app.ItemQuantityChange{
				ID: row.ID, Delta: row.Quantity, Description: row.Description, ExpiresAt: row.ExpiresAt, CreatedAt: row.CreatedAt,
			},
			Customer: domain.Customer{Type: domain.CustomerType(row.CustomerType), ID: row.CustomerID}, ItemID: row.ItemID,
		}, nil
	})
}

// RenewalsPage implements app.Store.
func (s *Store) RenewalsPage(ctx context.Context, tenant ids.Tenant, customerType string, after app.Position, count int) ([]app.Renewal, error) {
	createdAt, id := position(after)
	rows, err := db.New(s.db.Querier(ctx)).RenewalsPage(ctx, db.RenewalsPageParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CustomerType: orNil(customerType),
		AfterCreatedAt: createdAt, AfterID: id, Count: int32(count),
	})
	return convert(rows, err, func(row db.RenewalsPageRow) (app.Renewal, error) {
		subscription, err := toSubscription(row.Subscription)
		return app.Renewal{Invoice: toInvoice(row.SubscriptionInvoice), Subscription: subscription}, err
	})
}

// RefundsOf implements app.Store.
func (s *Store) RefundsOf(ctx context.Context, tenant ids.Tenant, purchaseIDs []string) (map[string]int, error) {
	counts := map[string]int{}
	if len(purchaseIDs) == 0 {
		return counts, nil
	}
	rows, err := db.New(s.db.Querier(ctx)).CompletedRefunds(ctx, db.CompletedRefundsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, PurchaseIds: purchaseIDs,
	})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		var entries []app.RefundEntry
		if err := json.Unmarshal(row.Entries, &entries); err != nil {
			return nil, fmt.Errorf("read stored refund: %w", err)
		}
		counts[row.PurchaseID] = len(entries)
	}
	return counts, nil
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// convert turns rows into what the use cases know.
func convert[R, T any](rows []R, err error, one func(R) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	all := make([]T, 0, len(rows))
	for _, row := range rows {
		item, err := one(row)
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}
