package app

import "context"

// ListOAuthProviders lists the accounts linked to a user, or for backends to
// all users when userID is empty, oldest first (users.md §4). It fails with
// USER_NOT_FOUND.
func (a *App) ListOAuthProviders(ctx context.Context, userID string) ([]OAuthConnectionView, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if req.isClient() || userID != "" {
		if err := a.ownUser(ctx, req, userID); err != nil {
			return nil, err
		}
	}
	connections, err := a.store.OAuthConnections(ctx, req.tenant, userID)
	if err != nil {
		return nil, err
	}
	views := make([]OAuthConnectionView, 0, len(connections))
	for _, connection := range connections {
		if shown, ok := viewConnection(req.config, connection); ok {
			views = append(views, shown)
		}
	}
	return views, nil
}
