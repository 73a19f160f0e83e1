package grpcapi

import (
	"context"

	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
)

// Users implements identityv1.UserServiceServer.
type Users struct {
	identityv1.UnimplementedUserServiceServer
	app *app.App
}

// GetCurrentUser implements identityv1.UserServiceServer.
func (s *Users) GetCurrentUser(ctx context.Context, _ *identityv1.GetCurrentUserRequest) (*identityv1.User, error) {
	user, err := s.app.GetCurrentUser(ctx)
	if err != nil {
		return nil, err
	}
	return userFor(access(ctx), user)
}

// UpdateCurrentUser implements identityv1.UserServiceServer.
func (s *Users) UpdateCurrentUser(ctx context.Context, req *identityv1.UpdateCurrentUserRequest) (*identityv1.User, error) {
	fields, err := userPatch(req, access(ctx))
	if err != nil {
		return nil, err
	}
	user, err := s.app.UpdateCurrentUser(ctx, fields)
	if err != nil {
		return nil, err
	}
	return userFor(access(ctx), user)
}

// DeleteCurrentUser implements identityv1.UserServiceServer.
func (s *Users) DeleteCurrentUser(ctx context.Context, _ *identityv1.DeleteCurrentUserRequest) (*typesv1.Success, error) {
	if err := s.app.DeleteCurrentUser(ctx); err != nil {
		return nil, err
	}
	return success(), nil
}
