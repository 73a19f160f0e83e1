package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
)

// DeleteUser deletes any user of the project (users.md §2.7). It fails with
// USER_NOT_FOUND.
func (a *App) DeleteUser(ctx context.Context, userID string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	deleted, err := a.deleteUser(ctx, req.tenant, userID)
	if err == nil && !deleted {
		err = apierr.UserNotFound()
	}
	return err
}
