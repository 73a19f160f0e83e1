package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/structpb"

	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain/config"
)

// Configs implements identityv1.ConfigServiceServer. Requests name one of the
// three levels: others do not pass the rules of the contract.
type Configs struct {
	identityv1.UnimplementedConfigServiceServer
	app *app.App
}

// GetConfig implements identityv1.ConfigServiceServer.
func (s *Configs) GetConfig(ctx context.Context, _ *identityv1.GetConfigRequest) (*identityv1.ConfigString, error) {
	rendered, err := s.app.GetConfig(ctx)
	if err != nil {
		return nil, err
	}
	return &identityv1.ConfigString{ConfigString: rendered}, nil
}

// GetConfigOverride implements identityv1.ConfigServiceServer.
func (s *Configs) GetConfigOverride(ctx context.Context, req *identityv1.GetConfigOverrideRequest) (*identityv1.ConfigString, error) {
	document, err := s.app.GetConfigOverride(ctx, config.Level(req.GetLevel()))
	if err != nil {
		return nil, err
	}
	return &identityv1.ConfigString{ConfigString: document}, nil
}

// UpdateConfigOverride implements identityv1.ConfigServiceServer.
func (s *Configs) UpdateConfigOverride(ctx context.Context, req *identityv1.UpdateConfigOverrideRequest) (*typesv1.Success, error) {
	return changedConfig(ctx, s.app.UpdateConfigOverride(ctx, config.Level(req.GetLevel()), req.GetConfigOverrideString()))
}

// ReplaceConfigOverride implements identityv1.ConfigServiceServer.
func (s *Configs) ReplaceConfigOverride(ctx context.Context, req *identityv1.ReplaceConfigOverrideRequest) (*typesv1.Success, error) {
	var source map[string]any
	if req.Source != nil {
		source = req.GetSource().AsMap()
	}
	return changedConfig(ctx, s.app.ReplaceConfigOverride(ctx, config.Level(req.GetLevel()), req.GetConfigString(), source))
}

// ResetConfigKeys implements identityv1.ConfigServiceServer.
func (s *Configs) ResetConfigKeys(ctx context.Context, req *identityv1.ResetConfigKeysRequest) (*typesv1.Success, error) {
	return changedConfig(ctx, s.app.ResetConfigKeys(ctx, config.Level(req.GetLevel()), req.GetKeys()))
}

// GetConfigSource implements identityv1.ConfigServiceServer.
func (s *Configs) GetConfigSource(ctx context.Context, _ *identityv1.GetConfigSourceRequest) (*identityv1.ConfigSource, error) {
	source, err := s.app.GetConfigSource(ctx)
	if err != nil {
		return nil, err
	}
	fields, err := structpb.NewStruct(source.Fields())
	if err != nil {
		return nil, err
	}
	return &identityv1.ConfigSource{Source: fields}, nil
}

// DeleteConfigSource implements identityv1.ConfigServiceServer.
func (s *Configs) DeleteConfigSource(ctx context.Context, _ *identityv1.DeleteConfigSourceRequest) (*typesv1.Success, error) {
	return changedConfig(ctx, s.app.DeleteConfigSource(ctx))
}

func changedConfig(ctx context.Context, err error) (*typesv1.Success, error) {
	if err != nil {
		return nil, err
	}
	projectChanged(ctx)
	return success(), nil
}
