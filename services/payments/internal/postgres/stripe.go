package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
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
