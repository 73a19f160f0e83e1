package grpcapi

import (
	"context"

	teamsv1 "vestibule.dev/proto/teams/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/teams/internal/app"
)

// TeamMemberships implements teamsv1.TeamMembershipServiceServer.
type TeamMemberships struct {
	teamsv1.UnimplementedTeamMembershipServiceServer
	app *app.App
}

// CreateTeamMembership implements teamsv1.TeamMembershipServiceServer.
func (s *TeamMemberships) CreateTeamMembership(ctx context.Context, req *teamsv1.CreateTeamMembershipRequest) (*teamsv1.TeamMembership, error) {
	created := &teamsv1.TeamMembership{TeamId: uuid(req.GetTeamId()), UserId: uuid(req.GetUserId())}
	if err := s.app.CreateTeamMembership(ctx, created.GetTeamId(), created.GetUserId()); err != nil {
		return nil, err
	}
	return created, nil
}

// DeleteTeamMembership implements teamsv1.TeamMembershipServiceServer.
func (s *TeamMemberships) DeleteTeamMembership(ctx context.Context, req *teamsv1.DeleteTeamMembershipRequest) (*typesv1.Success, error) {
	if err := s.app.DeleteTeamMembership(ctx, uuid(req.GetTeamId()), uuid(req.GetUserId())); err != nil {
		return nil, err
	}
	return success(), nil
}
