package grpcapi

import (
	"context"

	"google.golang.org/genproto/googleapis/api/httpbody"

	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/profileimage"
	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/teams/internal/app"
)

// Images implements teamsv1.TeamImageServiceServer.
type Images struct {
	teamsv1.UnimplementedTeamImageServiceServer
	app *app.App
}

// GetTeamImage implements teamsv1.TeamImageServiceServer.
func (s *Images) GetTeamImage(ctx context.Context, req *teamsv1.GetTeamImageRequest) (*httpbody.HttpBody, error) {
	image, err := s.app.GetTeamImage(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	grpcx.SetHeader(ctx, "vestibule-cache-control", profileimage.Caching)
	return &httpbody.HttpBody{ContentType: image.Format.ContentType(), Data: image.Bytes}, nil
}
