package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain"
)

// ListContactChannels lists contact channels, oldest first (users.md §3.2).
func (a *App) ListContactChannels(ctx context.Context, filter ContactChannelFilter) ([]domain.ContactChannel, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if err := ownContactChannels(req, filter.UserID); err != nil {
		return nil, err
	}
	channels, err := a.store.ContactChannels(ctx, req.tenant, filter)
	if err != nil || len(channels) > 0 || !req.isClient() {
		return channels, err
	}
	// Whoever was deleted since their token was made is nobody.
	user, err := a.store.User(ctx, req.tenant, req.UserID)
	if err == nil && user == nil {
		err = apierr.CannotGetOwnUserWithoutUser()
	}
	return nil, err
}
