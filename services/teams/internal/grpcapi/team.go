package grpcapi

import (
	"context"

	"vestibule.dev/pkg/pbjson"
	"vestibule.dev/pkg/pbpatch"
	teamsv1 "vestibule.dev/proto/teams/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/teams/internal/app"
)

// Teams implements teamsv1.TeamServiceServer.
type Teams struct {
	teamsv1.UnimplementedTeamServiceServer
	app *app.App
}

// ListTeams implements teamsv1.TeamServiceServer.
func (s *Teams) ListTeams(ctx context.Context, req *teamsv1.ListTeamsRequest) (*teamsv1.ListTeamsResponse, error) {
	page, err := s.app.ListTeams(ctx, app.TeamFilter{
		UserID: optionalUUID(req.UserId), Query: req.Query, Cursor: optionalUUID(req.Cursor),
		Limit: req.GetLimit(), NewestFirst: isTrue(req.Desc),
	})
	if err != nil {
		return nil, err
	}
	res := &teamsv1.ListTeamsResponse{IsPaginated: page.Paginated}
	if page.Paginated {
		res.Pagination = &typesv1.Pagination{NextCursor: text(page.NextCursor)}
	}
	for i := range page.Teams {
		team, err := teamFor(access(ctx), &page.Teams[i])
		if err != nil {
			return nil, err
		}
		res.Items = append(res.Items, team)
	}
	return res, nil
}

// CreateTeam implements teamsv1.TeamServiceServer.
func (s *Teams) CreateTeam(ctx context.Context, req *teamsv1.CreateTeamRequest) (*teamsv1.Team, error) {
	body := req.GetTeam()
	in := app.NewTeam{
		DisplayName:     body.GetDisplayName(),
		ProfileImageURL: optionalText(body.GetProfileImageUrl()),
		CreatorUserID:   optionalUUID(body.CreatorUserId),
	}
	if req.AddCurrentUser != nil {
		in.AddCurrentUser = new(isTrue(req.AddCurrentUser))
	}
	var err error
	if in.ClientMetadata, err = pbjson.Text(body.GetClientMetadata()); err != nil {
		return nil, err
	}
	if access(ctx).Trusted() {
		if in.ClientReadOnlyMetadata, err = pbjson.Text(body.GetClientReadOnlyMetadata()); err != nil {
			return nil, err
		}
		if in.ServerMetadata, err = pbjson.Text(body.GetServerMetadata()); err != nil {
			return nil, err
		}
	}
	team, err := s.app.CreateTeam(ctx, in)
	if err != nil {
		return nil, err
	}
	return teamFor(access(ctx), team)
}

// GetTeam implements teamsv1.TeamServiceServer.
func (s *Teams) GetTeam(ctx context.Context, req *teamsv1.TeamServiceGetTeamRequest) (*teamsv1.Team, error) {
	team, err := s.app.GetTeam(ctx, uuid(req.GetTeamId()))
	if err != nil {
		return nil, err
	}
	return teamFor(access(ctx), team)
}

// UpdateTeam implements teamsv1.TeamServiceServer.
func (s *Teams) UpdateTeam(ctx context.Context, req *teamsv1.UpdateTeamRequest) (*teamsv1.Team, error) {
	body := req.GetTeam()
	present, err := pbpatch.New(req.GetUpdateMask(), body, access(ctx))
	if err != nil {
		return nil, err
	}
	fields := app.TeamPatch{
		DisplayName:     present.Word("display_name", body.DisplayName),
		ProfileImageURL: present.Text("profile_image_url", body.GetProfileImageUrl()),
	}
	if fields.ClientMetadata, err = present.JSON("client_metadata", body.GetClientMetadata()); err != nil {
		return nil, err
	}
	if fields.ClientReadOnlyMetadata, err = present.JSON("client_read_only_metadata", body.GetClientReadOnlyMetadata()); err != nil {
		return nil, err
	}
	if fields.ServerMetadata, err = present.JSON("server_metadata", body.GetServerMetadata()); err != nil {
		return nil, err
	}
	team, err := s.app.UpdateTeam(ctx, uuid(req.GetTeamId()), fields)
	if err != nil {
		return nil, err
	}
	return teamFor(access(ctx), team)
}

// DeleteTeam implements teamsv1.TeamServiceServer.
func (s *Teams) DeleteTeam(ctx context.Context, req *teamsv1.DeleteTeamRequest) (*typesv1.Success, error) {
	if err := s.app.DeleteTeam(ctx, uuid(req.GetTeamId())); err != nil {
		return nil, err
	}
	return success(), nil
}
