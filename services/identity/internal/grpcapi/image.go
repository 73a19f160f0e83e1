package grpcapi

import (
	"context"

	"google.golang.org/genproto/googleapis/api/httpbody"

	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/profileimage"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
)

// Images implements identityv1.ImageServiceServer.
type Images struct {
	identityv1.UnimplementedImageServiceServer
	app *app.App
}

// GetImage implements identityv1.ImageServiceServer.
func (s *Images) GetImage(ctx context.Context, req *identityv1.GetImageRequest) (*httpbody.HttpBody, error) {
	image, err := s.app.GetImage(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	grpcx.SetHeader(ctx, "vestibule-cache-control", profileimage.Caching)
	return &httpbody.HttpBody{ContentType: image.Format.ContentType(), Data: image.Bytes}, nil
}
