package clients

import (
	"context"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/ids"
	teamsv1 "vestibule.dev/proto/teams/v1"
)

// Teams implements app.Teams.
type Teams struct {
	rpc teamsv1.TeamInternalServiceClient
}

// NewTeams returns the teams context behind conn.
func NewTeams(conn grpc.ClientConnInterface) *Teams {
	return &Teams{rpc: teamsv1.NewTeamInternalServiceClient(conn)}
}

// TeamExists implements app.Teams.
func (t *Teams) TeamExists(ctx context.Context, tenant ids.Tenant, teamID string) (bool, error) {
	res, err := t.rpc.GetTeam(ctx, &teamsv1.GetTeamRequest{ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, TeamId: teamID})
	return res.GetTeam() != nil, err
}

// Membership implements app.Teams.
func (t *Teams) Membership(ctx context.Context, tenant ids.Tenant, teamID, userID string) (permissionIDs []string, member bool, err error) {
	res, err := t.rpc.GetMembership(ctx, &teamsv1.GetMembershipRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, TeamId: teamID, UserId: userID,
	})
	return res.GetPermissionIds(), res.GetTeam() != nil, err
}

// Holders implements app.Teams.
func (t *Teams) Holders(ctx context.Context, tenant ids.Tenant, teamID, permissionID string) ([]string, error) {
	res, err := t.rpc.ListTeamMembers(ctx, &teamsv1.ListTeamMembersRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, TeamId: teamID, PermissionId: permissionID,
	})
	return res.GetUserIds(), err
}
