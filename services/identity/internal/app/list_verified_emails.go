package app

import (
	"context"

	"vestibule.dev/pkg/ids"
)

// ListVerifiedEmails lists the verified addresses of users, normalised, by user.
func (a *App) ListVerifiedEmails(ctx context.Context, tenant ids.Tenant, userIDs []string) (map[string][]string, error) {
	if len(userIDs) == 0 {
		return nil, nil
	}
	return a.store.VerifiedEmails(ctx, tenant, userIDs)
}
