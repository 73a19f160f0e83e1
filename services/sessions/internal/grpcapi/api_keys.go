package grpcapi

import (
	"context"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	"vestibule.dev/services/sessions/internal/apikeypb"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
)

// UserAPIKeys implements sessionsv1.UserApiKeyServiceServer.
type UserAPIKeys struct {
	sessionsv1.UnimplementedUserApiKeyServiceServer
	app *app.App
}

// NewUserAPIKeys returns the service of users' keys over the use cases.
func NewUserAPIKeys(application *app.App) *UserAPIKeys {
	return &UserAPIKeys{app: application}
}

// CreateUserApiKey implements sessionsv1.UserApiKeyServiceServer.
func (s *UserAPIKeys) CreateUserApiKey(ctx context.Context, req *sessionsv1.CreateUserApiKeyRequest) (*sessionsv1.NewUserApiKey, error) {
	caller, _ := principal.FromContext(ctx)
	key, text, err := s.app.CreateAPIKey(ctx, caller, app.NewAPIKey{
		Owner:       owner(ids.UserKey, req.GetUserId()),
		Description: req.GetDescription(),
		ExpiresAt:   expiry(req.GetExpiresAtMillis()),
		IsPublic:    req.GetIsPublic(),
	})
	if err != nil {
		return nil, err
	}
	return apikeypb.NewUser(key, text), nil
}

// ListUserApiKeys implements sessionsv1.UserApiKeyServiceServer.
func (s *UserAPIKeys) ListUserApiKeys(ctx context.Context, req *sessionsv1.ListUserApiKeysRequest) (*sessionsv1.ListUserApiKeysResponse, error) {
	caller, _ := principal.FromContext(ctx)
	keys, err := s.app.ListAPIKeys(ctx, caller, owner(ids.UserKey, req.GetUserId()))
	if err != nil {
		return nil, err
	}
	res := &sessionsv1.ListUserApiKeysResponse{Items: make([]*sessionsv1.UserApiKey, 0, len(keys))}
	for i := range keys {
		res.Items = append(res.Items, apikeypb.User(&keys[i]))
	}
	return res, nil
}

// GetUserApiKey implements sessionsv1.UserApiKeyServiceServer.
func (s *UserAPIKeys) GetUserApiKey(ctx context.Context, req *sessionsv1.GetUserApiKeyRequest) (*sessionsv1.UserApiKey, error) {
	caller, _ := principal.FromContext(ctx)
	return userKey(s.app.GetAPIKey(ctx, caller, ids.UserKey, req.GetApiKeyId()))
}

// UpdateUserApiKey implements sessionsv1.UserApiKeyServiceServer.
func (s *UserAPIKeys) UpdateUserApiKey(ctx context.Context, req *sessionsv1.UpdateUserApiKeyRequest) (*sessionsv1.UserApiKey, error) {
	caller, _ := principal.FromContext(ctx)
	return userKey(s.app.UpdateAPIKey(ctx, caller, ids.UserKey, req.GetApiKeyId(), change(req.GetApiKey())))
}

// CheckUserApiKey implements sessionsv1.UserApiKeyServiceServer.
func (s *UserAPIKeys) CheckUserApiKey(ctx context.Context, req *sessionsv1.CheckUserApiKeyRequest) (*sessionsv1.UserApiKey, error) {
	caller, _ := principal.FromContext(ctx)
	return userKey(s.app.CheckAPIKey(ctx, caller, ids.UserKey, req.GetApiKey()))
}

// TeamAPIKeys implements sessionsv1.TeamApiKeyServiceServer.
type TeamAPIKeys struct {
	sessionsv1.UnimplementedTeamApiKeyServiceServer
	app *app.App
}

// NewTeamAPIKeys returns the service of teams' keys over the use cases.
func NewTeamAPIKeys(application *app.App) *TeamAPIKeys {
	return &TeamAPIKeys{app: application}
}

// CreateTeamApiKey implements sessionsv1.TeamApiKeyServiceServer.
func (s *TeamAPIKeys) CreateTeamApiKey(ctx context.Context, req *sessionsv1.CreateTeamApiKeyRequest) (*sessionsv1.NewTeamApiKey, error) {
	caller, _ := principal.FromContext(ctx)
	key, text, err := s.app.CreateAPIKey(ctx, caller, app.NewAPIKey{
		Owner:       owner(ids.TeamKey, req.GetTeamId()),
		Description: req.GetDescription(),
		ExpiresAt:   expiry(req.GetExpiresAtMillis()),
		IsPublic:    req.GetIsPublic(),
	})
	if err != nil {
		return nil, err
	}
	return apikeypb.NewTeam(key, text), nil
}

// ListTeamApiKeys implements sessionsv1.TeamApiKeyServiceServer.
func (s *TeamAPIKeys) ListTeamApiKeys(ctx context.Context, req *sessionsv1.ListTeamApiKeysRequest) (*sessionsv1.ListTeamApiKeysResponse, error) {
	caller, _ := principal.FromContext(ctx)
	keys, err := s.app.ListAPIKeys(ctx, caller, owner(ids.TeamKey, req.GetTeamId()))
	if err != nil {
		return nil, err
	}
	res := &sessionsv1.ListTeamApiKeysResponse{Items: make([]*sessionsv1.TeamApiKey, 0, len(keys))}
	for i := range keys {
		res.Items = append(res.Items, apikeypb.Team(&keys[i]))
	}
	return res, nil
}

// GetTeamApiKey implements sessionsv1.TeamApiKeyServiceServer.
func (s *TeamAPIKeys) GetTeamApiKey(ctx context.Context, req *sessionsv1.GetTeamApiKeyRequest) (*sessionsv1.TeamApiKey, error) {
	caller, _ := principal.FromContext(ctx)
	return teamKey(s.app.GetAPIKey(ctx, caller, ids.TeamKey, req.GetApiKeyId()))
}

// UpdateTeamApiKey implements sessionsv1.TeamApiKeyServiceServer.
func (s *TeamAPIKeys) UpdateTeamApiKey(ctx context.Context, req *sessionsv1.UpdateTeamApiKeyRequest) (*sessionsv1.TeamApiKey, error) {
	caller, _ := principal.FromContext(ctx)
	return teamKey(s.app.UpdateAPIKey(ctx, caller, ids.TeamKey, req.GetApiKeyId(), change(req.GetApiKey())))
}

// CheckTeamApiKey implements sessionsv1.TeamApiKeyServiceServer.
func (s *TeamAPIKeys) CheckTeamApiKey(ctx context.Context, req *sessionsv1.CheckTeamApiKeyRequest) (*sessionsv1.TeamApiKey, error) {
	caller, _ := principal.FromContext(ctx)
	return teamKey(s.app.CheckAPIKey(ctx, caller, ids.TeamKey, req.GetApiKey()))
}

func userKey(key *domain.APIKey, err error) (*sessionsv1.UserApiKey, error) {
	if err != nil {
		return nil, err
	}
	return apikeypb.User(key), nil
}

func teamKey(key *domain.APIKey, err error) (*sessionsv1.TeamApiKey, error) {
	if err != nil {
		return nil, err
	}
	return apikeypb.Team(key), nil
}

// owner reads who a key belongs to. The letters of a UUID mean the same in
// either case.
func owner(kind ids.KeyOwner, id string) domain.APIKeyOwner {
	return domain.APIKeyOwner{Type: kind, ID: strings.ToLower(id)}
}

// expiry reads when a key expires. Nothing and zero mean never (teams.md §10.3).
func expiry(millis *wrapperspb.DoubleValue) *time.Time {
	if int64(millis.GetValue()) == 0 {
		return nil
	}
	return new(time.UnixMilli(int64(millis.GetValue())))
}

// change reads a PATCH body. None of its fields can be null, so those that are
// set are those that are there.
func change(patch *sessionsv1.OwnedApiKeyPatch) app.APIKeyChange {
	return app.APIKeyChange{Description: patch.Description, Revoke: patch.GetRevoked()}
}
