package app

import "context"

// GetOAuthProvider reads an account linked to a user (users.md §4). It fails
// with USER_NOT_FOUND or a text.
func (a *App) GetOAuthProvider(ctx context.Context, userID, connectionID string) (*OAuthConnectionView, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.ownUser(ctx, req, userID); err != nil {
		return nil, err
	}
	connection, err := a.store.OAuthConnection(ctx, req.tenant, userID, connectionID)
	if err != nil {
		return nil, err
	}
	if connection == nil {
		return nil, errNoSuchConnection()
	}
	shown, ok := viewConnection(req.config, *connection)
	if !ok {
		return nil, errNoSuchConnection()
	}
	return &shown, nil
}
