package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/services/identity/internal/domain"
)

// ContactChannelPatch is a partial update of an address.
type ContactChannelPatch struct {
	// Value is as typed.
	Value       patch.Field[string]
	UsedForAuth patch.Field[bool]
	IsPrimary   patch.Field[bool]
	IsVerified  patch.Field[bool]
}

// UpdateContactChannel changes an address of a user, clients one of their own
// (users.md §3.2). An address that is written anew has to be verified anew. It
// fails with texts when the user lacks the channel or has the address in
// another one, and with CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE.
func (a *App) UpdateContactChannel(ctx context.Context, userID, channelID string, fields ContactChannelPatch) (*domain.ContactChannel, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if err := ownContactChannels(req, userID); err != nil {
		return nil, err
	}
	var channel *domain.ContactChannel
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		user, err := tx.LockUser(ctx, req.tenant, userID)
		if err != nil {
			return err
		}
		if user == nil && req.isClient() {
			return apierr.CannotGetOwnUserWithoutUser()
		}
		if channel, _, err = a.store.ContactChannel(ctx, req.tenant, userID, channelID); err != nil {
			return err
		}
		if channel == nil {
			return errNoSuchContactChannel(http.StatusBadRequest)
		}
		if fields.IsPrimary.Or(false) && !channel.IsPrimary {
			if err := tx.DemotePrimaryEmail(ctx, req.tenant, userID); err != nil {
				return err
			}
		}
		fields.applyTo(channel)
		if err := tx.UpdateContactChannel(ctx, channel); err != nil {
			return err
		}
		return tx.Emit(ctx, ContactChannelUpdated{Channel: *channel})
	})
	if err != nil {
		return nil, err
	}
	return channel, nil
}

func (p *ContactChannelPatch) applyTo(channel *domain.ContactChannel) {
	if value, ok := p.Value.Get(); ok {
		channel.Value = domain.NormalizeEmail(value)
		channel.IsVerified = false
	}
	channel.IsVerified = p.IsVerified.Or(channel.IsVerified)
	channel.IsPrimary = p.IsPrimary.Or(channel.IsPrimary)
	channel.UsedForAuth = p.UsedForAuth.Or(channel.UsedForAuth)
}
