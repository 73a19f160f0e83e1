package app

import (
	"context"

	"vestibule.dev/pkg/ids"
)

// maxUserIDs bounds one page of ListUserIDs.
const maxUserIDs = 5000

// ListUserIDs lists the ids of all users of a branch in ascending order,
// beginning behind after; an empty after begins at the start.
func (a *App) ListUserIDs(ctx context.Context, tenant ids.Tenant, after string, limit int) ([]string, error) {
	return a.store.UserIDs(ctx, tenant, after, min(max(limit, 1), maxUserIDs))
}
