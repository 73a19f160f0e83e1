package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain"
)

// GetContactChannel reads an address of a user, for clients of their own
// (users.md §3.2).
func (a *App) GetContactChannel(ctx context.Context, userID, channelID string) (*domain.ContactChannel, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if err := ownContactChannels(req, userID); err != nil {
		return nil, err
	}
	channel, userExists, err := a.store.ContactChannel(ctx, req.tenant, userID, channelID)
	switch {
	case err != nil:
		return nil, err
	case !userExists && req.isClient():
		return nil, apierr.CannotGetOwnUserWithoutUser()
	case channel == nil:
		return nil, errNoSuchContactChannel(http.StatusNotFound)
	}
	return channel, nil
}
