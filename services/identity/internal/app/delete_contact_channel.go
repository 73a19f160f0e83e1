package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
)

// DeleteContactChannel removes an address of a user, clients one of their own
// (users.md §3.2): also the last, the primary one and one the user signs in
// with.
func (a *App) DeleteContactChannel(ctx context.Context, userID, channelID string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if err := ownContactChannels(req, userID); err != nil {
		return err
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		user, err := tx.LockUser(ctx, req.tenant, userID)
		if err != nil {
			return err
		}
		if user == nil && req.isClient() {
			return apierr.CannotGetOwnUserWithoutUser()
		}
		deleted, err := tx.DeleteContactChannel(ctx, req.tenant, userID, channelID)
		if err != nil {
			return err
		}
		if !deleted {
			return errNoSuchContactChannel(http.StatusBadRequest)
		}
		return tx.Emit(ctx, ContactChannelDeleted{Tenant: req.tenant, UserID: userID, ChannelID: channelID})
	})
}
