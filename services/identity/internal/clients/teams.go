package clients

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pbjson"
	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// Teams implements app.Teams.
type Teams struct {
	rpc         teamsv1.TeamInternalServiceClient
	memberships teamsv1.MembershipInternalServiceClient
}

// NewTeams returns the teams context behind conn.
func NewTeams(conn grpc.ClientConnInterface) *Teams {
	return &Teams{
		rpc:         teamsv1.NewTeamInternalServiceClient(conn),
		memberships: teamsv1.NewMembershipInternalServiceClient(conn),
	}
}

// Membership implements app.Teams.
func (t *Teams) Membership(ctx context.Context, tenant ids.Tenant, teamID, userID string) (*domain.Team, error) {
	res, err := t.rpc.GetMembership(ctx, &teamsv1.GetMembershipRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, TeamId: teamID, UserId: userID, WithoutPermissions: true,
	})
	if err != nil || res.GetTeam() == nil {
		return nil, err
	}
	return toTeam(res.GetTeam())
}

// MemberPermissions implements app.Teams.
func (t *Teams) MemberPermissions(ctx context.Context, tenant ids.Tenant, teamID, userID string) (permissionIDs []string, isMember bool, err error) {
	res, err := t.rpc.GetMembership(ctx, &teamsv1.GetMembershipRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, TeamId: teamID, UserId: userID,
	})
	return res.GetPermissionIds(), res.GetTeam() != nil, err
}

// TeamIDs implements app.Teams.
func (t *Teams) TeamIDs(ctx context.Context, tenant ids.Tenant, userID string) ([]string, error) {
	res, err := t.rpc.ListUserTeams(ctx, &teamsv1.ListUserTeamsRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, UserId: userID,
	})
	return res.GetTeamIds(), err
}

// ProvisionUser implements app.Teams.
func (t *Teams) ProvisionUser(ctx context.Context, tenant ids.Tenant, userID string, given app.Provision) error {
	req := &teamsv1.ProvisionUserRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, UserId: userID,
		PermissionIds: given.PermissionIDs, ConfigVersion: given.ConfigVersion,
	}
	if team := given.PersonalTeam; team != nil {
		req.PersonalTeam = &teamsv1.NewPersonalTeam{TeamId: team.ID, DisplayName: team.DisplayName, PermissionIds: team.PermissionIDs}
	}
	_, err := t.rpc.ProvisionUser(ctx, req)
	return err
}

// RenamePersonalTeams implements app.Teams.
func (t *Teams) RenamePersonalTeams(ctx context.Context, tenant ids.Tenant, userID, displayName, primaryEmail string) error {
	req := &teamsv1.RenamePersonalTeamsRequest{ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, UserId: userID}
	if displayName != "" {
		req.UserDisplayName = wrapperspb.String(displayName)
	}
	if primaryEmail != "" {
		req.UserPrimaryEmail = wrapperspb.String(primaryEmail)
	}
	_, err := t.rpc.RenamePersonalTeams(ctx, req)
	return err
}

// RemoveUser implements app.Teams.
func (t *Teams) RemoveUser(ctx context.Context, tenant ids.Tenant, userID string) error {
	_, err := t.rpc.RemoveUser(ctx, &teamsv1.RemoveUserRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, UserId: userID,
	})
	return err
}

func toTeam(message *teamsv1.Team) (*domain.Team, error) {
	team := &domain.Team{
		ID:          message.GetId(),
		DisplayName: message.GetDisplayName(),
		CreatedAt:   time.UnixMilli(int64(message.GetCreatedAtMillis())),
	}
	if message.GetProfileImageUrl() != nil {
		team.ProfileImageURL = new(message.GetProfileImageUrl().GetValue())
	}
	var err error
	if team.ClientMetadata, err = pbjson.Text(message.GetClientMetadata()); err != nil {
		return nil, err
	}
	if team.ClientReadOnlyMetadata, err = pbjson.Text(message.GetClientReadOnlyMetadata()); err != nil {
		return nil, err
	}
	if team.ServerMetadata, err = pbjson.Text(message.GetServerMetadata()); err != nil {
		return nil, err
	}
	return team, nil
}
