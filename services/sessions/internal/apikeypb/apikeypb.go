// Package apikeypb gives API keys their public representation, for answers and
// events alike.
package apikeypb

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pbjson"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	"vestibule.dev/services/sessions/internal/domain"
)

// User is the representation of a user's key (teams.md §10.2).
func User(key *domain.APIKey) *sessionsv1.UserApiKey {
	return &sessionsv1.UserApiKey{
		Id:                      key.ID,
		Description:             key.Description,
		Type:                    string(key.Owner.Type),
		UserId:                  key.Owner.ID,
		IsPublic:                key.IsPublic,
		CreatedAtMillis:         millis(key.CreatedAt),
		ExpiresAtMillis:         optionalMillis(key.ExpiresAt),
		ManuallyRevokedAtMillis: optionalMillis(key.RevokedAt),
		Value:                   &sessionsv1.OwnedApiKeyHint{LastFour: key.LastFour},
	}
}

// Team is the representation of a team's key (teams.md §10.2).
func Team(key *domain.APIKey) *sessionsv1.TeamApiKey {
	return &sessionsv1.TeamApiKey{
		Id:                      key.ID,
		Description:             key.Description,
		Type:                    string(key.Owner.Type),
		TeamId:                  key.Owner.ID,
		IsPublic:                key.IsPublic,
		CreatedAtMillis:         millis(key.CreatedAt),
		ExpiresAtMillis:         optionalMillis(key.ExpiresAt),
		ManuallyRevokedAtMillis: optionalMillis(key.RevokedAt),
		Value:                   &sessionsv1.OwnedApiKeyHint{LastFour: key.LastFour},
	}
}

// NewUser is a user's key with its text.
func NewUser(key *domain.APIKey, text string) *sessionsv1.NewUserApiKey {
	return &sessionsv1.NewUserApiKey{
		Id:              key.ID,
		Description:     key.Description,
		Type:            string(key.Owner.Type),
		UserId:          key.Owner.ID,
		IsPublic:        key.IsPublic,
		CreatedAtMillis: millis(key.CreatedAt),
		ExpiresAtMillis: optionalMillis(key.ExpiresAt),
		Value:           text,
	}
}

// NewTeam is a team's key with its text.
func NewTeam(key *domain.APIKey, text string) *sessionsv1.NewTeamApiKey {
	return &sessionsv1.NewTeamApiKey{
		Id:              key.ID,
		Description:     key.Description,
		Type:            string(key.Owner.Type),
		TeamId:          key.Owner.ID,
		IsPublic:        key.IsPublic,
		CreatedAtMillis: millis(key.CreatedAt),
		ExpiresAtMillis: optionalMillis(key.ExpiresAt),
		Value:           text,
	}
}

// Struct is the representation of a key as JSON object.
func Struct(key *domain.APIKey) (*structpb.Struct, error) {
	if key.Owner.Type == ids.TeamKey {
		return pbjson.Struct(Team(key))
	}
	return pbjson.Struct(User(key))
}

func millis(t time.Time) float64 { return float64(t.UnixMilli()) }

func optionalMillis(t *time.Time) *float64 {
	if t == nil {
		return nil
	}
	return proto.Float64(millis(*t))
}
