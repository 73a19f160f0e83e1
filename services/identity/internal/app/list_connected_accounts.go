package app

import (
	"context"
	"slices"

	"vestibule.dev/services/identity/internal/domain"
)

// ListConnectedAccounts lists the accounts that an app may use on behalf of a
// user, oldest first (users.md §5). It fails with USER_NOT_FOUND.
func (a *App) ListConnectedAccounts(ctx context.Context, userID string) ([]domain.OAuthConnection, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.ownUser(ctx, req, userID); err != nil {
		return nil, err
	}
	connections, err := a.store.OAuthConnections(ctx, req.tenant, userID)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(connections, func(c domain.OAuthConnection) bool { return !c.AllowConnectedAccounts }), nil
}
