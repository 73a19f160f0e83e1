package grpcapi

import (
	"context"

	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
)

// OTP implements identityv1.OtpServiceServer.
type OTP struct {
	identityv1.UnimplementedOtpServiceServer
	app *app.App
}

// SendOtpSignInCode implements identityv1.OtpServiceServer.
func (s *OTP) SendOtpSignInCode(ctx context.Context, req *identityv1.SendOtpSignInCodeRequest) (*identityv1.SendOtpSignInCodeResponse, error) {
	nonce, err := s.app.SendOTPSignInCode(ctx, app.OTPSignInCode{
		Email:       req.GetEmail(),
		CallbackURL: req.GetCallbackUrl(),
		Challenge:   botChallenge(req),
	})
	if err != nil {
		return nil, err
	}
	return &identityv1.SendOtpSignInCodeResponse{Nonce: nonce}, nil
}

// SignInWithOtp implements identityv1.OtpServiceServer.
func (s *OTP) SignInWithOtp(ctx context.Context, req *identityv1.SignInWithOtpRequest) (*typesv1.SignedIn, error) {
	signedIn, err := s.app.SignInWithOTP(ctx, req.GetCode())
	if err != nil {
		return nil, err
	}
	return signedInMessage(signedIn), nil
}

// CheckOtpSignInCode implements identityv1.OtpServiceServer.
func (s *OTP) CheckOtpSignInCode(ctx context.Context, req *identityv1.CheckOtpSignInCodeRequest) (*typesv1.CodeValidity, error) {
	if err := s.app.CheckOTPSignInCode(ctx, req.GetCode()); err != nil {
		return nil, err
	}
	return &typesv1.CodeValidity{IsCodeValid: true}, nil
}
