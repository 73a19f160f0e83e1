package grpcapi

import (
	"context"

	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
)

// Anonymous implements identityv1.AnonymousServiceServer.
type Anonymous struct {
	identityv1.UnimplementedAnonymousServiceServer
	app *app.App
}

// SignUpAnonymously implements identityv1.AnonymousServiceServer.
func (s *Anonymous) SignUpAnonymously(ctx context.Context, _ *identityv1.SignUpAnonymouslyRequest) (*typesv1.Tokens, error) {
	signedIn, err := s.app.SignUpAnonymously(ctx)
	if err != nil {
		return nil, err
	}
	return tokens(signedIn), nil
}
