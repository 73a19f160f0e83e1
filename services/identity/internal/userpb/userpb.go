// Package userpb gives users their public representations, for answers, events
// and tokens alike.
package userpb

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/pbjson"
	identityv1 "vestibule.dev/proto/identity/v1"
	teamsv1 "vestibule.dev/proto/teams/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// Server is the representation of a user that server callers see
// (users.md §1.1).
func Server(user *app.UserView) (*identityv1.User, error) {
	message, err := Client(user)
	if err != nil {
		return nil, err
	}
	if message.ServerMetadata, err = pbjson.Value(user.ServerMetadata); err != nil {
		return nil, err
	}
	if user.SelectedTeam != nil {
		message.SelectedTeam.CreatedAtMillis = proto.Float64(millis(user.SelectedTeam.CreatedAt))
		if message.SelectedTeam.ServerMetadata, err = pbjson.Value(user.SelectedTeam.ServerMetadata); err != nil {
			return nil, err
		}
	}
	message.PrimaryEmailAuthEnabled = proto.Bool(user.PrimaryEmail != nil && user.PrimaryEmail.UsedForAuth)
	message.LastActiveAtMillis = proto.Float64(millis(user.LastActiveAt))
	message.RestrictedByAdminPrivateDetails = textValue(user.RestrictedByAdminPrivateDetails)
	message.CountryCode = textValue(user.CountryCode)
	message.RiskScores = &identityv1.RiskScores{SignUp: &identityv1.SignUpRiskScores{
		Bot: user.RiskScores.Bot, FreeTrialAbuse: user.RiskScores.FreeTrialAbuse,
	}}
	return message, nil
}

// Client is the representation of a user that clients see (users.md §1.1).
func Client(user *app.UserView) (*identityv1.User, error) {
	message := &identityv1.User{
		Id:                      user.ID,
		PrimaryEmailVerified:    user.EmailVerified(),
		DisplayName:             text(user.DisplayName),
		ProfileImageUrl:         text(user.ProfileImageURL),
		SignedUpAtMillis:        millis(user.SignedUpAt),
		SelectedTeamId:          text(user.SelectedTeamID),
		HasPassword:             user.HasPassword,
		OtpAuthEnabled:          user.OTPAuthEnabled,
		PasskeyAuthEnabled:      user.HasPasskey,
		AuthWithEmail:           user.HasPassword || user.OTPAuthEnabled,
		RequiresTotpMfa:         user.RequiresTOTPMFA,
		IsAnonymous:             user.IsAnonymous,
		IsRestricted:            user.RestrictedReason != "",
		RestrictedByAdmin:       user.RestrictedByAdmin,
		RestrictedByAdminReason: text(user.RestrictedByAdminReason),
	}
	if user.PrimaryEmail != nil {
		message.PrimaryEmail = wrapperspb.String(user.PrimaryEmail.Value)
	}
	if user.RestrictedReason != "" {
		message.RestrictedReason = &typesv1.RestrictedReason{Type: user.RestrictedReason}
	}
	for _, account := range user.OAuthAccounts {
		message.OauthProviders = append(message.OauthProviders, &identityv1.UserOAuthProvider{
			Id: account.ProviderConfigID, AccountId: account.AccountID, Email: text(account.Email),
		})
	}
	var err error
	if message.ClientMetadata, err = pbjson.Value(user.ClientMetadata); err != nil {
		return nil, err
	}
	if message.ClientReadOnlyMetadata, err = pbjson.Value(user.ClientReadOnlyMetadata); err != nil {
		return nil, err
	}
	if user.SelectedTeam != nil {
		if message.SelectedTeam, err = clientTeam(user.SelectedTeam); err != nil {
			return nil, err
		}
	}
	return message, nil
}

// clientTeam is the representation of a team that clients see (teams.md §1).
func clientTeam(team *domain.Team) (*teamsv1.Team, error) {
	message := &teamsv1.Team{
		Id:              team.ID,
		DisplayName:     team.DisplayName,
		ProfileImageUrl: text(team.ProfileImageURL),
	}
	var err error
	if message.ClientMetadata, err = pbjson.Value(team.ClientMetadata); err != nil {
		return nil, err
	}
	if message.ClientReadOnlyMetadata, err = pbjson.Value(team.ClientReadOnlyMetadata); err != nil {
		return nil, err
	}
	return message, nil
}

// text renders a nullable string.
func text(value *string) *wrapperspb.StringValue {
	if value == nil {
		return nil
	}
	return wrapperspb.String(*value)
}

// textValue renders a nullable string that some callers do not see at all.
func textValue(value *string) *structpb.Value {
	if value == nil {
		return structpb.NewNullValue()
	}
	return structpb.NewStringValue(*value)
}

func millis(t time.Time) float64 { return float64(t.UnixMilli()) }
