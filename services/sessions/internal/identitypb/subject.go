// Package identitypb reads the messages of the identity context, which sends
// the same description of a user when it opens a session and when it is asked.
package identitypb

import (
	"google.golang.org/protobuf/types/known/wrapperspb"

	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/sessions/internal/domain"
)

// Subject reads the user part of an access token's claims.
func Subject(message *identityv1.TokenSubject) domain.Subject {
	return domain.Subject{
		UserID:           message.GetUserId(),
		Name:             orNil(message.GetName()),
		Email:            orNil(message.GetEmail()),
		EmailVerified:    message.GetEmailVerified(),
		SelectedTeamID:   orNil(message.GetSelectedTeamId()),
		SignedUpAt:       message.GetSignedUpAt().AsTime(),
		Anonymous:        message.GetIsAnonymous(),
		Restricted:       message.GetIsRestricted(),
		RestrictedReason: message.GetRestrictedReason(),
		RequiresTOTP:     message.GetRequiresTotpMfa(),
	}
}

func orNil(value *wrapperspb.StringValue) *string {
	if value == nil {
		return nil
	}
	return &value.Value
}
