package grpcapi

import (
	"context"

	teamsv1 "vestibule.dev/proto/teams/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/teams/internal/app"
)

// Invitations implements teamsv1.TeamInvitationServiceServer.
type Invitations struct {
	teamsv1.UnimplementedTeamInvitationServiceServer
	app *app.App
}

// SendTeamInvitationCode implements teamsv1.TeamInvitationServiceServer.
func (s *Invitations) SendTeamInvitationCode(ctx context.Context, req *teamsv1.SendTeamInvitationCodeRequest) (*teamsv1.SendTeamInvitationCodeResponse, error) {
	id, err := s.app.SendTeamInvitationCode(ctx, app.NewInvitation{
		TeamID: uuid(req.GetTeamId()), Email: req.GetEmail(), CallbackURL: req.GetCallbackUrl(),
	})
	if err != nil {
		return nil, err
	}
	return &teamsv1.SendTeamInvitationCodeResponse{Success: true, Id: id}, nil
}

// ListTeamInvitations implements teamsv1.TeamInvitationServiceServer.
func (s *Invitations) ListTeamInvitations(ctx context.Context, req *teamsv1.ListTeamInvitationsRequest) (*teamsv1.ListTeamInvitationsResponse, error) {
	invitations, err := s.app.ListTeamInvitations(ctx, optionalUUID(req.TeamId), optionalUUID(req.UserId))
	if err != nil {
		return nil, err
	}
	res := &teamsv1.ListTeamInvitationsResponse{}
	for _, invitation := range invitations {
		res.Items = append(res.Items, &teamsv1.TeamInvitation{
			Id: invitation.ID, TeamId: invitation.TeamID, TeamDisplayName: invitation.TeamDisplayName,
			ExpiresAtMillis: float64(invitation.ExpiresAt.UnixMilli()), RecipientEmail: invitation.RecipientEmail,
		})
	}
	return res, nil
}

// DeleteTeamInvitation implements teamsv1.TeamInvitationServiceServer.
func (s *Invitations) DeleteTeamInvitation(ctx context.Context, req *teamsv1.DeleteTeamInvitationRequest) (*typesv1.Success, error) {
	if err := s.app.DeleteTeamInvitation(ctx, uuid(req.GetId()), optionalUUID(req.TeamId)); err != nil {
		return nil, err
	}
	return success(), nil
}

// CheckTeamInvitationCode implements teamsv1.TeamInvitationServiceServer.
func (s *Invitations) CheckTeamInvitationCode(ctx context.Context, req *teamsv1.CheckTeamInvitationCodeRequest) (*typesv1.CodeValidity, error) {
	if err := s.app.CheckTeamInvitationCode(ctx, req.GetCode()); err != nil {
		return nil, err
	}
	return &typesv1.CodeValidity{IsCodeValid: true}, nil
}

// GetTeamInvitationDetails implements teamsv1.TeamInvitationServiceServer.
func (s *Invitations) GetTeamInvitationDetails(ctx context.Context, req *teamsv1.GetTeamInvitationDetailsRequest) (*teamsv1.TeamInvitationDetails, error) {
	team, err := s.app.GetTeamInvitationDetails(ctx, req.GetCode())
	if err != nil {
		return nil, err
	}
	return &teamsv1.TeamInvitationDetails{TeamId: team.ID, TeamDisplayName: team.DisplayName}, nil
}

// AcceptTeamInvitation implements teamsv1.TeamInvitationServiceServer.
func (s *Invitations) AcceptTeamInvitation(ctx context.Context, req *teamsv1.AcceptTeamInvitationRequest) (*teamsv1.AcceptTeamInvitationResponse, error) {
	if err := s.app.AcceptTeamInvitation(ctx, req.GetCode()); err != nil {
		return nil, err
	}
	return &teamsv1.AcceptTeamInvitationResponse{}, nil
}

// AcceptTeamInvitationById implements teamsv1.TeamInvitationServiceServer.
func (s *Invitations) AcceptTeamInvitationById(ctx context.Context, req *teamsv1.AcceptTeamInvitationByIdRequest) (*teamsv1.AcceptTeamInvitationByIdResponse, error) {
	if err := s.app.AcceptTeamInvitationByID(ctx, uuid(req.GetId()), uuid(req.GetUserId())); err != nil {
		return nil, err
	}
	return &teamsv1.AcceptTeamInvitationByIdResponse{}, nil
}
