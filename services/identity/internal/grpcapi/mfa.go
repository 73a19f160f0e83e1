package grpcapi

import (
	"context"

	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
)

// MFA implements identityv1.MfaServiceServer.
type MFA struct {
	identityv1.UnimplementedMfaServiceServer
	app *app.App
}

// SignInWithMfa implements identityv1.MfaServiceServer.
func (s *MFA) SignInWithMfa(ctx context.Context, req *identityv1.SignInWithMfaRequest) (*typesv1.SignedIn, error) {
	signedIn, err := s.app.SignInWithMFA(ctx, req.GetCode(), req.GetTotp())
	if err != nil {
		return nil, err
	}
	return signedInMessage(signedIn), nil
}
