package postgres

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// UserIDs implements app.UserStore.
func (s *Store) UserIDs(ctx context.Context, tenant ids.Tenant, after string, limit int) ([]string, error) {
	params := db.UserIDsParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, MaxRows: int32(limit)}
	if after != "" {
		params.After = &after
	}
	return s.queries(ctx).UserIDs(ctx, params)
}
