package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain"
)

// ListContactChannels lists contact channels, oldest first (users.md §3.2).
func (a *App) ListContactChannels(ctx context.Context, filter ContactChannelFilter) ([]domain.ContactChannel, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if req.isClient() {
		switch {
		case !req.SignedIn():
			return nil, apierr.CannotGetOwnUserWithoutUser()
		case filter.UserID != req.UserID:
			return nil, apierr.Text(http.StatusForbidden, "Clients may list the contact channels of their own user only.")
		}
	}
	return a.store.ContactChannels(ctx, req.tenant, filter)
}
