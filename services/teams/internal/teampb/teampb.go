// Package teampb gives teams their public representations, for answers and for
// events alike.
package teampb

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/pbjson"
	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/teams/internal/domain"
)

// Server is the representation of a team that server callers see
// (teams.md §1).
func Server(team *domain.Team) (*teamsv1.Team, error) {
	message, err := Client(team)
	if err != nil {
		return nil, err
	}
	message.CreatedAtMillis = proto.Float64(float64(team.CreatedAt.UnixMilli()))
	message.ServerMetadata, err = pbjson.Value(team.ServerMetadata)
	return message, err
}

// Client is the representation of a team that clients see (teams.md §1).
func Client(team *domain.Team) (*teamsv1.Team, error) {
	message := &teamsv1.Team{Id: team.ID, DisplayName: team.DisplayName}
	if team.ProfileImageURL != nil {
		message.ProfileImageUrl = wrapperspb.String(*team.ProfileImageURL)
	}
	var err error
	if message.ClientMetadata, err = pbjson.Value(team.ClientMetadata); err != nil {
		return nil, err
	}
	message.ClientReadOnlyMetadata, err = pbjson.Value(team.ClientReadOnlyMetadata)
	return message, err
}
