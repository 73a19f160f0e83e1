package grpcapi

import (
	"context"
	"encoding/json"

	"google.golang.org/protobuf/types/known/structpb"

	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
)

// Passkeys implements identityv1.PasskeyServiceServer.
type Passkeys struct {
	identityv1.UnimplementedPasskeyServiceServer
	app *app.App
}

// InitiatePasskeyRegistration implements identityv1.PasskeyServiceServer.
func (s *Passkeys) InitiatePasskeyRegistration(ctx context.Context, _ *identityv1.InitiatePasskeyRegistrationRequest) (*identityv1.PasskeyCeremony, error) {
	return ceremony(s.app.InitiatePasskeyRegistration(ctx))
}

// RegisterPasskey implements identityv1.PasskeyServiceServer.
func (s *Passkeys) RegisterPasskey(ctx context.Context, req *identityv1.RegisterPasskeyRequest) (*identityv1.RegisterPasskeyResponse, error) {
	response, err := objectText(req.GetCredential())
	if err != nil {
		return nil, err
	}
	credentialID, err := s.app.RegisterPasskey(ctx, req.GetCode(), response)
	if err != nil {
		return nil, err
	}
	return &identityv1.RegisterPasskeyResponse{UserHandle: credentialID}, nil
}

// InitiatePasskeyAuthentication implements identityv1.PasskeyServiceServer.
func (s *Passkeys) InitiatePasskeyAuthentication(ctx context.Context, _ *identityv1.InitiatePasskeyAuthenticationRequest) (*identityv1.PasskeyCeremony, error) {
	return ceremony(s.app.InitiatePasskeyAuthentication(ctx))
}

// SignInWithPasskey implements identityv1.PasskeyServiceServer.
func (s *Passkeys) SignInWithPasskey(ctx context.Context, req *identityv1.SignInWithPasskeyRequest) (*typesv1.SignedIn, error) {
	response, err := objectText(req.GetAuthenticationResponse())
	if err != nil {
		return nil, err
	}
	signedIn, err := s.app.SignInWithPasskey(ctx, req.GetCode(), response)
	if err != nil {
		return nil, err
	}
	return signedInMessage(signedIn), nil
}

func ceremony(begun *app.PasskeyCeremony, err error) (*identityv1.PasskeyCeremony, error) {
	if err != nil {
		return nil, err
	}
	options, err := structpb.NewStruct(begun.Options)
	if err != nil {
		return nil, err
	}
	return &identityv1.PasskeyCeremony{OptionsJson: options, Code: begun.Code}, nil
}

// objectText is the JSON of an object that the contract leaves open.
func objectText(object *structpb.Struct) (json.RawMessage, error) { return object.MarshalJSON() }
