package grpcapi

import (
	"context"
	"strings"

	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/userpb"
)

// UserAdmin implements identityv1.UserAdminServiceServer. Its callers are
// servers and admins, so every user is shown in full.
type UserAdmin struct {
	identityv1.UnimplementedUserAdminServiceServer
	app *app.App
}

// CreateUser implements identityv1.UserAdminServiceServer.
func (s *UserAdmin) CreateUser(ctx context.Context, req *identityv1.CreateUserRequest) (*identityv1.User, error) {
	creation, err := userCreation(req)
	if err != nil {
		return nil, err
	}
	user, err := s.app.CreateUser(ctx, creation)
	if err != nil {
		return nil, err
	}
	return userpb.Server(user)
}

// GetUser implements identityv1.UserAdminServiceServer.
func (s *UserAdmin) GetUser(ctx context.Context, req *identityv1.GetUserRequest) (*identityv1.User, error) {
	user, err := s.app.GetUser(ctx, storedID(req.GetUserId()))
	if err != nil {
		return nil, err
	}
	return userpb.Server(user)
}

// UpdateUser implements identityv1.UserAdminServiceServer.
func (s *UserAdmin) UpdateUser(ctx context.Context, req *identityv1.UpdateUserRequest) (*identityv1.User, error) {
	fields, err := userPatch(req, access(ctx))
	if err != nil {
		return nil, err
	}
	user, err := s.app.UpdateUser(ctx, storedID(req.GetUserId()), fields)
	if err != nil {
		return nil, err
	}
	return userpb.Server(user)
}

// DeleteUser implements identityv1.UserAdminServiceServer.
func (s *UserAdmin) DeleteUser(ctx context.Context, req *identityv1.DeleteUserRequest) (*typesv1.Success, error) {
	if err := s.app.DeleteUser(ctx, storedID(req.GetUserId())); err != nil {
		return nil, err
	}
	return success(), nil
}

// storedID returns the form in which ids are stored, sealed with secrets and
// compared; requests may write them in any letter case.
func storedID(id string) string { return strings.ToLower(id) }
