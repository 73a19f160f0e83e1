package grpcapi

import (
	"context"

	"vestibule.dev/pkg/ids"
	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/teampb"
)

// Memberships implements teamsv1.MembershipInternalServiceServer.
type Memberships struct {
	teamsv1.UnimplementedMembershipInternalServiceServer
	app *app.App
}

// NewMemberships returns the internal service over the use cases.
func NewMemberships(application *app.App) *Memberships {
	return &Memberships{app: application}
}

// ListTeamUsers implements teamsv1.MembershipInternalServiceServer.
func (s *Memberships) ListTeamUsers(ctx context.Context, req *teamsv1.ListTeamUsersRequest) (*teamsv1.ListTeamUsersResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	userIDs, err := s.app.ListTeamUsers(ctx, tenant, req.GetTeamId())
	if err != nil {
		return nil, err
	}
	return &teamsv1.ListTeamUsersResponse{UserIds: userIDs}, nil
}

// BatchGetMemberships implements teamsv1.MembershipInternalServiceServer.
func (s *Memberships) BatchGetMemberships(ctx context.Context, req *teamsv1.BatchGetMembershipsRequest) (*teamsv1.BatchGetMembershipsResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	among := make([]app.MembershipKey, 0, len(req.GetMemberships()))
	for _, membership := range req.GetMemberships() {
		among = append(among, app.MembershipKey{TeamID: membership.GetTeamId(), UserID: membership.GetUserId()})
	}
	memberships, teams, err := s.app.BatchGetMemberships(ctx, tenant, among)
	if err != nil {
		return nil, err
	}
	res := &teamsv1.BatchGetMembershipsResponse{}
	for _, membership := range memberships {
		res.Memberships = append(res.Memberships, &teamsv1.Membership{TeamId: membership.TeamID, UserId: membership.UserID})
	}
	for i := range teams {
		team, err := teampb.Server(&teams[i])
		if err != nil {
			return nil, err
		}
		res.Teams = append(res.Teams, team)
	}
	return res, nil
}
