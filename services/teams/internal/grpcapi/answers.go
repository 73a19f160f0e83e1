package grpcapi

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/pbjson"
	"vestibule.dev/pkg/principal"
	teamsv1 "vestibule.dev/proto/teams/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
	"vestibule.dev/services/teams/internal/teampb"
)

// access is the access type of the caller.
func access(ctx context.Context) principal.Access {
	caller, _ := principal.FromContext(ctx)
	return caller.Access
}

// uuid is an id as it is stored: requests may spell it in capitals.
func uuid(text string) string { return strings.ToLower(text) }

// optionalUUID is uuid for a field that may be left out.
func optionalUUID(text *string) *string {
	if text == nil {
		return nil
	}
	return new(uuid(*text))
}

// isTrue reads the literals by which queries say yes or no.
func isTrue(text *string) bool { return text != nil && *text == "true" }

// text renders a nullable string.
func text(value *string) *wrapperspb.StringValue {
	if value == nil {
		return nil
	}
	return wrapperspb.String(*value)
}

// optionalText reads a nullable string.
func optionalText(value *wrapperspb.StringValue) *string {
	if value == nil {
		return nil
	}
	return new(value.GetValue())
}

func success() *typesv1.Success { return &typesv1.Success{Success: true} }

// teamFor renders a team for a caller of the access type.
func teamFor(access principal.Access, team *domain.Team) (*teamsv1.Team, error) {
	if access.Trusted() {
		return teampb.Server(team)
	}
	return teampb.Client(team)
}

// profileFor renders a profile for a caller of the access type. Servers see the
// whole user with it.
func profileFor(access principal.Access, profile *app.MemberProfile) (*teamsv1.TeamMemberProfile, error) {
	message := &teamsv1.TeamMemberProfile{
		TeamId: profile.TeamID, UserId: profile.UserID, DisplayName: text(profile.Name()), ProfileImageUrl: text(profile.Picture()),
	}
	if !access.Trusted() {
		return message, nil
	}
	message.User = &structpb.Struct{}
	if err := message.User.UnmarshalJSON(profile.User.Representation); err != nil {
		return nil, err
	}
	selected, selectedID := structpb.NewNullValue(), structpb.NewNullValue()
	if profile.SelectedTeam != nil {
		team, err := teampb.Server(profile.SelectedTeam)
		if err != nil {
			return nil, err
		}
		object, err := pbjson.Struct(team)
		if err != nil {
			return nil, err
		}
		selected, selectedID = structpb.NewStructValue(object), structpb.NewStringValue(profile.SelectedTeam.ID)
	}
	message.User.Fields["selected_team"], message.User.Fields["selected_team_id"] = selected, selectedID
	return message, nil
}
