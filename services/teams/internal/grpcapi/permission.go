package grpcapi

import (
	"context"

	teamsv1 "vestibule.dev/proto/teams/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/teams/internal/app"
)

// Permissions implements teamsv1.PermissionServiceServer.
type Permissions struct {
	teamsv1.UnimplementedPermissionServiceServer
	app *app.App
}

// ListTeamPermissions implements teamsv1.PermissionServiceServer.
func (s *Permissions) ListTeamPermissions(ctx context.Context, req *teamsv1.ListTeamPermissionsRequest) (*teamsv1.ListTeamPermissionsResponse, error) {
	held, err := s.app.ListTeamPermissions(ctx, app.PermissionFilter{
		TeamID: optionalUUID(req.TeamId), UserID: optionalUUID(req.UserId), PermissionID: req.PermissionId, Recursive: isTrue(req.Recursive),
	})
	if err != nil {
		return nil, err
	}
	res := &teamsv1.ListTeamPermissionsResponse{}
	for _, permission := range held {
		res.Items = append(res.Items, &teamsv1.TeamPermission{Id: permission.ID, UserId: permission.UserID, TeamId: permission.TeamID})
	}
	return res, nil
}

// GrantTeamPermission implements teamsv1.PermissionServiceServer.
func (s *Permissions) GrantTeamPermission(ctx context.Context, req *teamsv1.GrantTeamPermissionRequest) (*teamsv1.TeamPermission, error) {
	granted := &teamsv1.TeamPermission{Id: req.GetPermissionId(), UserId: uuid(req.GetUserId()), TeamId: uuid(req.GetTeamId())}
	if err := s.app.GrantTeamPermission(ctx, granted.GetTeamId(), granted.GetUserId(), granted.GetId()); err != nil {
		return nil, err
	}
	return granted, nil
}

// RevokeTeamPermission implements teamsv1.PermissionServiceServer.
func (s *Permissions) RevokeTeamPermission(ctx context.Context, req *teamsv1.RevokeTeamPermissionRequest) (*typesv1.Success, error) {
	if err := s.app.RevokeTeamPermission(ctx, uuid(req.GetTeamId()), uuid(req.GetUserId()), req.GetPermissionId()); err != nil {
		return nil, err
	}
	return success(), nil
}

// ListProjectPermissions implements teamsv1.PermissionServiceServer.
func (s *Permissions) ListProjectPermissions(ctx context.Context, req *teamsv1.ListProjectPermissionsRequest) (*teamsv1.ListProjectPermissionsResponse, error) {
	held, err := s.app.ListProjectPermissions(ctx, app.PermissionFilter{
		UserID: optionalUUID(req.UserId), PermissionID: req.PermissionId, Recursive: isTrue(req.Recursive),
	})
	if err != nil {
		return nil, err
	}
	res := &teamsv1.ListProjectPermissionsResponse{}
	for _, permission := range held {
		res.Items = append(res.Items, &teamsv1.ProjectPermission{Id: permission.ID, UserId: permission.UserID})
	}
	return res, nil
}

// GrantProjectPermission implements teamsv1.PermissionServiceServer.
func (s *Permissions) GrantProjectPermission(ctx context.Context, req *teamsv1.GrantProjectPermissionRequest) (*teamsv1.ProjectPermission, error) {
	granted := &teamsv1.ProjectPermission{Id: req.GetPermissionId(), UserId: uuid(req.GetUserId())}
	if err := s.app.GrantProjectPermission(ctx, granted.GetUserId(), granted.GetId()); err != nil {
		return nil, err
	}
	return granted, nil
}

// RevokeProjectPermission implements teamsv1.PermissionServiceServer.
func (s *Permissions) RevokeProjectPermission(ctx context.Context, req *teamsv1.RevokeProjectPermissionRequest) (*typesv1.Success, error) {
	if err := s.app.RevokeProjectPermission(ctx, uuid(req.GetUserId()), req.GetPermissionId()); err != nil {
		return nil, err
	}
	return success(), nil
}
