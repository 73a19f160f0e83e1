package grpcapi

import (
	"context"

	"vestibule.dev/pkg/ids"
	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/teampb"
)

// Internal implements teamsv1.TeamInternalServiceServer.
type Internal struct {
	teamsv1.UnimplementedTeamInternalServiceServer
	app *app.App
}

// ProvisionUser implements teamsv1.TeamInternalServiceServer.
func (s *Internal) ProvisionUser(ctx context.Context, req *teamsv1.ProvisionUserRequest) (*teamsv1.ProvisionUserResponse, error) {
	in := app.Provision{
		Tenant:        ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()},
		UserID:        req.GetUserId(),
		PermissionIDs: req.GetPermissionIds(),
		ConfigVersion: req.GetConfigVersion(),
	}
	if team := req.GetPersonalTeam(); team != nil {
		in.PersonalTeam = &app.PersonalTeam{
			TeamID: team.GetTeamId(), DisplayName: team.GetDisplayName(), PermissionIDs: team.GetPermissionIds(),
		}
	}
	if err := s.app.ProvisionUser(ctx, in); err != nil {
		return nil, err
	}
	return &teamsv1.ProvisionUserResponse{}, nil
}

// GetTeam implements teamsv1.TeamInternalServiceServer.
func (s *Internal) GetTeam(ctx context.Context, req *teamsv1.GetTeamRequest) (*teamsv1.GetTeamResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	team, err := s.app.FindTeam(ctx, tenant, req.GetTeamId())
	if err != nil {
		return nil, err
	}
	res := &teamsv1.GetTeamResponse{}
	if team != nil {
		if res.Team, err = teampb.Server(team); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// GetMembership implements teamsv1.TeamInternalServiceServer.
func (s *Internal) GetMembership(ctx context.Context, req *teamsv1.GetMembershipRequest) (*teamsv1.GetMembershipResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	team, permissionIDs, err := s.app.GetMembership(ctx, tenant, req.GetTeamId(), req.GetUserId(), req.GetWithoutPermissions())
	if err != nil {
		return nil, err
	}
	res := &teamsv1.GetMembershipResponse{PermissionIds: permissionIDs}
	if team != nil {
		if res.Team, err = teampb.Server(team); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// ListTeamMembers implements teamsv1.TeamInternalServiceServer.
func (s *Internal) ListTeamMembers(ctx context.Context, req *teamsv1.ListTeamMembersRequest) (*teamsv1.ListTeamMembersResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	userIDs, err := s.app.ListTeamMembers(ctx, tenant, req.GetTeamId(), req.GetPermissionId())
	if err != nil {
		return nil, err
	}
	return &teamsv1.ListTeamMembersResponse{UserIds: userIDs}, nil
}

// ListUserTeams implements teamsv1.TeamInternalServiceServer.
func (s *Internal) ListUserTeams(ctx context.Context, req *teamsv1.ListUserTeamsRequest) (*teamsv1.ListUserTeamsResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	teamIDs, err := s.app.ListUserTeams(ctx, tenant, req.GetUserId())
	if err != nil {
		return nil, err
	}
	return &teamsv1.ListUserTeamsResponse{TeamIds: teamIDs}, nil
}

// RemoveUser implements teamsv1.TeamInternalServiceServer.
func (s *Internal) RemoveUser(ctx context.Context, req *teamsv1.RemoveUserRequest) (*teamsv1.RemoveUserResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	teamIDs, err := s.app.RemoveUser(ctx, tenant, req.GetUserId())
	if err != nil {
		return nil, err
	}
	return &teamsv1.RemoveUserResponse{TeamIds: teamIDs}, nil
}

// RenamePersonalTeams implements teamsv1.TeamInternalServiceServer.
func (s *Internal) RenamePersonalTeams(ctx context.Context, req *teamsv1.RenamePersonalTeamsRequest) (*teamsv1.RenamePersonalTeamsResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	if err := s.app.RenamePersonalTeams(ctx, tenant, req.GetUserId(),
		req.GetUserDisplayName().GetValue(), req.GetUserPrimaryEmail().GetValue()); err != nil {
		return nil, err
	}
	return &teamsv1.RenamePersonalTeamsResponse{}, nil
}
