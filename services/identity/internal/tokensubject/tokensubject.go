// Package tokensubject promises that a user is described to sessions in one
// way, whether identity opens a session or is asked at a refresh.
package tokensubject

import (
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
)

// Message renders the user part of an access token's claims (auth.md §2.2).
func Message(subject app.TokenSubject) *identityv1.TokenSubject {
	user := &subject.User
	message := &identityv1.TokenSubject{
		UserId:           user.ID,
		EmailVerified:    user.EmailVerified(),
		SignedUpAt:       timestamppb.New(user.SignedUpAt),
		IsAnonymous:      user.IsAnonymous,
		IsRestricted:     subject.RestrictedReason != "",
		RestrictedReason: subject.RestrictedReason,
		RequiresTotpMfa:  user.RequiresTOTPMFA,
	}
	if user.DisplayName != nil {
		message.Name = wrapperspb.String(*user.DisplayName)
	}
	if user.PrimaryEmail != nil {
		message.Email = wrapperspb.String(user.PrimaryEmail.Value)
	}
	if user.SelectedTeamID != nil {
		message.SelectedTeamId = wrapperspb.String(*user.SelectedTeamID)
	}
	return message
}
