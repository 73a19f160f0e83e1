package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/postgres/db"
)

// StripeAccount implements app.Store.
func (s *Store) StripeAccount(ctx context.Context, tenant ids.Tenant) (string, error) {
	accountID, err := db.New(s.db.Querier(ctx)).StripeAccount(ctx, db.StripeAccountParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return accountID, err
}

// TenantOfStripeAccount implements app.Store.
func (s *Store) TenantOfStripeAccount(ctx context.Context, accountID string) (tenant ids.Tenant, found bool, err error) {
	ctx = tenancy.ForAllProjects(ctx) // the account says which project's it is
	row, err := db.New(s.db.Querier(ctx)).TenantOfStripeAccount(ctx, accountID)
	if errors.Is(err, pgx.ErrNoRows) {
		return ids.Tenant{}, false, nil
	}
	return ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID}, err == nil, err
}

// ProductVersion implements app.Store.
func (s *Store) ProductVersion(ctx context.Context, tenant ids.Tenant, id string) (*domain.Product, error) {
	snapshot, err := db.New(s.db.Querier(ctx)).ProductVersion(ctx, db.ProductVersionParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	product, err := toProduct(snapshot)
	return &product, err
}

// Invoices implements app.Store.
func (s *Store) Invoices(ctx context.Context, tenant ids.Tenant, customer domain.Customer, after app.Position, count int) ([]app.Invoice, error) {
	createdAt, id := position(after)
	rows, err := db.New(s.db.Querier(ctx)).InvoicesOfCustomer(ctx, db.InvoicesOfCustomerParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CustomerType: string(customer.Type), CustomerID: customer.ID,
		AfterCreatedAt: createdAt, AfterID: id, Count: int32(count),
	})
	if err != nil {
		return nil, err
	}
	var invoices []app.Invoice
	for _, row := range rows {
		invoices = append(invoices, toInvoice(row))
	}
	return invoices, nil
}

// position makes parameters of a place in a list.
func position(after app.Position) (createdAt *time.Time, id *string) {
	if after.ID == "" {
		return nil, nil
	}
	return &after.CreatedAt, &after.ID
}

// Invoice implements app.Store.
func (s *Store) Invoice(ctx context.Context, tenant ids.Tenant, customer domain.Customer, id string) (*app.Invoice, error) {
	row, err := db.New(s.db.Querier(ctx)).InvoiceOfCustomer(ctx, db.InvoiceOfCustomerParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CustomerType: string(customer.Type), CustomerID: customer.ID, ID: id,
	})
	return oneInvoice(row, err)
}

// CreationInvoice implements app.Store.
func (s *Store) CreationInvoice(ctx context.Context, tenant ids.Tenant, stripeSubscriptionID string) (*app.Invoice, error) {
	row, err := db.New(s.db.Querier(ctx)).CreationInvoice(ctx, db.CreationInvoiceParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, StripeSubscriptionID: stripeSubscriptionID,
	})
	return oneInvoice(row, err)
}

func oneInvoice(row db.SubscriptionInvoice, err error) (*app.Invoice, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	invoice := toInvoice(row)
	return &invoice, err
}

func toInvoice(row db.SubscriptionInvoice) app.Invoice {
	return app.Invoice{
		ID: row.ID, Customer: domain.Customer{Type: domain.CustomerType(row.CustomerType), ID: row.CustomerID},
		StripeSubscriptionID: row.StripeSubscriptionID, StripeInvoiceID: row.StripeInvoiceID, Creation: row.IsCreationInvoice,
		Status: row.Status, AmountTotal: row.AmountTotal, HostedURL: row.HostedInvoiceUrl, CreatedAt: row.CreatedAt,
	}
}

func (t *tx) SaveStripeAccount(ctx context.Context, tenant ids.Tenant, accountID string) (string, error) {
	return t.queries.SaveStripeAccount(ctx, db.SaveStripeAccountParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, AccountID: accountID})
}

func (t *tx) ClaimStripePurchase(ctx context.Context, tenant ids.Tenant, stripeID, purchaseID string) (string, error) {
	return t.queries.ClaimStripePurchase(ctx, db.ClaimStripePurchaseParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, StripeID: stripeID, PurchaseID: purchaseID,
	})
}

func (t *tx) TakeReading(ctx context.Context, tenant ids.Tenant, stripeCustomerID string) (int64, error) {
	return t.queries.TakeReading(ctx, db.TakeReadingParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, StripeCustomerID: stripeCustomerID})
}

func (t *tx) ApplyReading(ctx context.Context, tenant ids.Tenant, stripeCustomerID string, number int64) (bool, error) {
	n, err := t.queries.ApplyReading(ctx, db.ApplyReadingParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, StripeCustomerID: stripeCustomerID, Number: number,
	})
	return n == 1, err
}

func (t *tx) RememberStripeEvent(ctx context.Context, tenant ids.Tenant, eventID string) (bool, error) {
	n, err := t.queries.RememberStripeEvent(ctx, db.RememberStripeEventParams{ProjectID: tenant.ProjectID, ID: eventID})
	return n == 1, err
}

func (t *tx) SaveInvoice(ctx context.Context, tenant ids.Tenant, invoice *app.Invoice) error {
	return t.queries.SaveInvoice(ctx, db.SaveInvoiceParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: invoice.ID,
		CustomerType: string(invoice.Customer.Type), CustomerID: invoice.Customer.ID,
		StripeSubscriptionID: invoice.StripeSubscriptionID, StripeInvoiceID: invoice.StripeInvoiceID, IsCreationInvoice: invoice.Creation,
		Status: invoice.Status, AmountTotal: invoice.AmountTotal, HostedInvoiceUrl: invoice.HostedURL, CreatedAt: invoice.CreatedAt,
	})
}

func (t *tx) SaveProductVersion(ctx context.Context, tenant ids.Tenant, productID *string, product *domain.Product) (string, error) {
	snapshot, err := json.Marshal(product)
	if err != nil {
		return "", err
	}
	content, err := json.Marshal(map[string]any{"productId": productID, "productJson": json.RawMessage(snapshot)})
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(content)
	id := base64.StdEncoding.EncodeToString(digest[:])
	return id, t.queries.SaveProductVersion(ctx, db.SaveProductVersionParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: id, ProductID: productID, Product: snapshot,
	})
}

func (t *tx) BeginRefund(ctx context.Context, tenant ids.Tenant, refund *app.Refund) (*app.Refund, error) {
	entries, err := json.Marshal(refund.Entries)
	if err != nil {
		return nil, err
	}
	row, err := t.queries.BeginRefund(ctx, db.BeginRefundParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, PurchaseID: refund.PurchaseID,
		Entries: entries, Quantity: refund.Quantity, Amount: refund.Amount,
	})
	if err != nil {
		return nil, err
	}
	begun := &app.Refund{PurchaseID: refund.PurchaseID, Quantity: row.Quantity, Amount: row.Amount, CompletedAt: row.CompletedAt}
	if err := json.Unmarshal(row.Entries, &begun.Entries); err != nil {
		return nil, fmt.Errorf("read stored refund: %w", err)
	}
	return begun, nil
}

func (t *tx) CompleteRefund(ctx context.Context, tenant ids.Tenant, purchaseID string, at time.Time) (bool, error) {
	n, err := t.queries.CompleteRefund(ctx, db.CompleteRefundParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, PurchaseID: purchaseID, CompletedAt: &at,
	})
	return n == 1, err
}

func (t *tx) AbandonRefund(ctx context.Context, tenant ids.Tenant, purchaseID string) error {
	return t.queries.AbandonRefund(ctx, db.AbandonRefundParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, PurchaseID: purchaseID})
}

func (t *tx) RefundOneTimePurchase(ctx context.Context, tenant ids.Tenant, purchase *domain.OneTimePurchase) error {
	return t.queries.RefundOneTimePurchase(ctx, db.RefundOneTimePurchaseParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: purchase.ID,
		RefundedAt: purchase.RefundedAt, RefundedQuantity: purchase.RefundedQuantity,
	})
}
