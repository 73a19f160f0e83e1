package app

import (
	"context"

	"vestibule.dev/pkg/ids"
)

// ListUserContacts reads the contact facts of users; unknown ids are left out.
func (a *App) ListUserContacts(ctx context.Context, tenant ids.Tenant, userIDs []string) ([]UserContact, error) {
	if len(userIDs) == 0 {
		return nil, nil
	}
	return a.store.UserContacts(ctx, tenant, userIDs)
}
