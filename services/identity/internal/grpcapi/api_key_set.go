package grpcapi

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/pbpatch"
	"vestibule.dev/pkg/secret"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// APIKeySets implements identityv1.ApiKeySetServiceServer.
type APIKeySets struct {
	identityv1.UnimplementedApiKeySetServiceServer
	app *app.App
}

// CreateApiKeySet implements identityv1.ApiKeySetServiceServer.
func (s *APIKeySets) CreateApiKeySet(ctx context.Context, req *identityv1.CreateApiKeySetRequest) (*identityv1.NewApiKeySet, error) {
	set, keys, err := s.app.CreateAPIKeySet(ctx, app.NewAPIKeySet{
		Description:          req.GetDescription(),
		ExpiresAt:            time.UnixMilli(int64(req.GetExpiresAtMillis())),
		PublishableClientKey: req.GetHasPublishableClientKey(),
		SecretServerKey:      req.GetHasSecretServerKey(),
		SuperSecretAdminKey:  req.GetHasSuperSecretAdminKey(),
	})
	if err != nil {
		return nil, err
	}
	projectChanged(ctx)
	return &identityv1.NewApiKeySet{
		Id:                   set.ID,
		Description:          set.Description,
		CreatedAtMillis:      millis(set.CreatedAt),
		ExpiresAtMillis:      millis(set.ExpiresAt),
		PublishableClientKey: newKey(keys.PublishableClientKey),
		SecretServerKey:      newKey(keys.SecretServerKey),
		SuperSecretAdminKey:  newKey(keys.SuperSecretAdminKey),
	}, nil
}

// ListApiKeySets implements identityv1.ApiKeySetServiceServer.
func (s *APIKeySets) ListApiKeySets(ctx context.Context, _ *identityv1.ListApiKeySetsRequest) (*identityv1.ListApiKeySetsResponse, error) {
	sets, err := s.app.ListAPIKeySets(ctx)
	if err != nil {
		return nil, err
	}
	res := &identityv1.ListApiKeySetsResponse{Items: make([]*identityv1.ApiKeySet, 0, len(sets))}
	for i := range sets {
		res.Items = append(res.Items, apiKeySet(&sets[i]))
	}
	return res, nil
}

// GetApiKeySet implements identityv1.ApiKeySetServiceServer.
func (s *APIKeySets) GetApiKeySet(ctx context.Context, req *identityv1.GetApiKeySetRequest) (*identityv1.ApiKeySet, error) {
	set, err := s.app.GetAPIKeySet(ctx, req.GetApiKeyId())
	if err != nil {
		return nil, err
	}
	return apiKeySet(set), nil
}

// UpdateApiKeySet implements identityv1.ApiKeySetServiceServer.
func (s *APIKeySets) UpdateApiKeySet(ctx context.Context, req *identityv1.UpdateApiKeySetRequest) (*identityv1.ApiKeySet, error) {
	body := req.GetApiKeySet()
	present, err := pbpatch.New(req.GetUpdateMask(), body, access(ctx))
	if err != nil {
		return nil, err
	}
	set, err := s.app.UpdateAPIKeySet(ctx, req.GetApiKeyId(),
		present.Word("description", body.Description), present.Flag("revoked", body.Revoked).Or(false))
	if err != nil {
		return nil, err
	}
	projectChanged(ctx)
	return apiKeySet(set), nil
}

func apiKeySet(set *domain.APIKeySet) *identityv1.ApiKeySet {
	message := &identityv1.ApiKeySet{
		Id:                   set.ID,
		Description:          set.Description,
		CreatedAtMillis:      millis(set.CreatedAt),
		ExpiresAtMillis:      millis(set.ExpiresAt),
		PublishableClientKey: keyHint(set.PublishableClientKey),
		SecretServerKey:      keyHint(set.SecretServerKey),
		SuperSecretAdminKey:  keyHint(set.SuperSecretAdminKey),
	}
	if set.RevokedAt != nil {
		message.ManuallyRevokedAtMillis = proto.Float64(millis(*set.RevokedAt))
	}
	return message
}

func newKey(key secret.Secret) *string {
	if key == "" {
		return nil
	}
	return proto.String(key.Reveal())
}

func keyHint(key *domain.StoredKey) *identityv1.ApiKeyHint {
	if key == nil {
		return nil
	}
	return &identityv1.ApiKeyHint{LastFour: key.LastFour}
}
