package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
)

// NewContactChannel is an address to be added to a user.
type NewContactChannel struct {
	UserID string
	// Value is as typed.
	Value       string
	UsedForAuth bool
	IsPrimary   bool
	IsVerified  bool
}

// CreateContactChannel adds an address to a user, clients to their own
// (users.md §3.2). It fails with USER_NOT_FOUND, with a text when the user has
// the address, and with CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE.
func (a *App) CreateContactChannel(ctx context.Context, in NewContactChannel) (*domain.ContactChannel, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if err := ownContactChannels(req, in.UserID); err != nil {
		return nil, err
	}
	channel := &domain.ContactChannel{
		Tenant:      req.tenant,
		UserID:      in.UserID,
		ID:          ids.NewUUID(),
		Type:        domain.ContactChannelEmail,
		Value:       domain.NormalizeEmail(in.Value),
		IsPrimary:   in.IsPrimary,
		IsVerified:  in.IsVerified,
		UsedForAuth: in.UsedForAuth,
	}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		// All who move the primary flag of a user wait here for each other.
		user, err := tx.LockUser(ctx, req.tenant, in.UserID)
		switch {
		case err != nil:
			return err
		case user == nil && req.isClient():
			return apierr.CannotGetOwnUserWithoutUser()
		case user == nil:
			return apierr.UserNotFound()
		}
		if in.IsPrimary {
			if err := tx.DemotePrimaryEmail(ctx, req.tenant, in.UserID); err != nil {
				return err
			}
		}
		if err := tx.CreateContactChannel(ctx, channel); err != nil {
			return err
		}
		return tx.Emit(ctx, ContactChannelCreated{Channel: *channel})
	})
	if err != nil {
		return nil, err
	}
	return channel, nil
}

// ownContactChannels lets clients at the addresses of their own user alone.
func ownContactChannels(req request, userID string) error {
	switch {
	case !req.isClient():
		return nil
	case !req.SignedIn():
		return apierr.CannotGetOwnUserWithoutUser()
	case userID != req.UserID:
		return apierr.Text(http.StatusForbidden, "Clients may use the contact channels of their own user only.")
	}
	return nil
}

// errNoSuchContactChannel answers with the status that the operation has for an
// address that the user does not have.
func errNoSuchContactChannel(status int) error {
	return apierr.Text(status, "The user has no such contact channel.")
}
