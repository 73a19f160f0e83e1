package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// ListInvoices lists the invoices of a customer, newest first, from after the
// one that the cursor names (payments.md §7.5). The cursor it returns is empty
// when the page is not full.
func (a *App) ListInvoices(ctx context.Context, customer domain.Customer, cursor string, limit int) (page []Invoice, next string, err error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := a.authorize(ctx, req, customer); err != nil {
		return nil, "", err
	}
	var after Position
	if cursor != "" {
		if !ids.ValidUUID(cursor) {
			return nil, "", errCursor
		}
		last, err := a.store.Invoice(ctx, req.tenant, customer, cursor)
		if err != nil {
			return nil, "", err
		}
		if last == nil {
			return nil, "", errCursor
		}
		after = Position{CreatedAt: last.CreatedAt, ID: last.ID}
	}
	page, err = a.store.Invoices(ctx, req.tenant, customer, after, limit)
	if err == nil && len(page) == limit {
		next = page[limit-1].ID
	}
	return page, next, err
}
