package userpb

import (
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
)

// TokenSubject is the user part of an access token's claims (auth.md §2.2).
func TokenSubject(subject app.TokenSubject) *identityv1.TokenSubject {
	user := &subject.User
	message := &identityv1.TokenSubject{
		UserId:           user.ID,
		Name:             text(user.DisplayName),
		SelectedTeamId:   text(user.SelectedTeamID),
		EmailVerified:    user.EmailVerified(),
		SignedUpAt:       timestamppb.New(user.SignedUpAt),
		IsAnonymous:      user.IsAnonymous,
		IsRestricted:     subject.RestrictedReason != "",
		RestrictedReason: subject.RestrictedReason,
		RequiresTotpMfa:  user.RequiresTOTPMFA,
	}
	if user.PrimaryEmail != nil {
		message.Email = wrapperspb.String(user.PrimaryEmail.Value)
	}
	return message
}
