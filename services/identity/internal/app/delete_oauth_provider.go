package app

import "context"

// DeleteOAuthProvider unlinks an account with its tokens; nothing keeps the last
// way to sign in (users.md §4). It fails with USER_NOT_FOUND or a text.
func (a *App) DeleteOAuthProvider(ctx context.Context, userID, connectionID string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if err := a.ownUser(ctx, req, userID); err != nil {
		return err
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.TouchUser(ctx, req.tenant, userID); err != nil {
			return err
		}
		deleted, err := tx.DeleteOAuthConnection(ctx, req.tenant, userID, connectionID)
		if err == nil && !deleted {
			return errNoSuchConnection()
		}
		return err
	})
}
