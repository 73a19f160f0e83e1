package clients

import (
	"context"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/ids"
	teamsv1 "vestibule.dev/proto/teams/v1"
)

// Teams implements app.Teams.
type Teams struct {
	client teamsv1.TeamInternalServiceClient
}

// NewTeams returns the teams context behind a connection.
func NewTeams(teams grpc.ClientConnInterface) *Teams {
	return &Teams{client: teamsv1.NewTeamInternalServiceClient(teams)}
}

// TeamExists implements app.Teams.
func (t *Teams) TeamExists(ctx context.Context, tenant ids.Tenant, teamID string) (bool, error) {
	res, err := t.client.GetTeam(ctx, &teamsv1.GetTeamRequest{ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, TeamId: teamID})
	return res.GetTeam() != nil, err
}

// MembersWith implements app.Teams.
func (t *Teams) MembersWith(ctx context.Context, tenant ids.Tenant, teamID, permissionID string) ([]string, error) {
	res, err := t.client.ListTeamMembers(ctx, &teamsv1.ListTeamMembersRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, TeamId: teamID, PermissionId: permissionID,
	})
	return res.GetUserIds(), err
}

// Permissions implements app.Teams.
func (t *Teams) Permissions(ctx context.Context, tenant ids.Tenant, teamID, userID string) ([]string, error) {
	res, err := t.client.GetMembership(ctx, &teamsv1.GetMembershipRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, TeamId: teamID, UserId: userID,
	})
	return res.GetPermissionIds(), err
}
