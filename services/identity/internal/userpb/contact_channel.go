package userpb

import (
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/domain"
)

// ContactChannel is the representation of an address, which is the same for all
// callers (users.md §3).
func ContactChannel(channel *domain.ContactChannel) *identityv1.ContactChannel {
	return &identityv1.ContactChannel{
		UserId:      channel.UserID,
		Id:          channel.ID,
		Type:        channel.Type,
		Value:       channel.Value,
		UsedForAuth: channel.UsedForAuth,
		IsVerified:  channel.IsVerified,
		IsPrimary:   channel.IsPrimary,
	}
}
