package grpcapi

import (
	"context"

	"vestibule.dev/pkg/secret"
	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
)

// Passwords implements identityv1.PasswordServiceServer.
type Passwords struct {
	identityv1.UnimplementedPasswordServiceServer
	app *app.App
}

// SignUpWithPassword implements identityv1.PasswordServiceServer.
func (s *Passwords) SignUpWithPassword(ctx context.Context, req *identityv1.SignUpWithPasswordRequest) (*typesv1.Tokens, error) {
	signedIn, err := s.app.SignUpWithPassword(ctx, app.PasswordSignUp{
		Email:                   req.GetEmail(),
		Password:                secret.Secret(req.GetPassword()),
		VerificationCallbackURL: req.GetVerificationCallbackUrl(),
		Challenge:               botChallenge(req),
	})
	if err != nil {
		return nil, err
	}
	return tokens(signedIn), nil
}

// SignInWithPassword implements identityv1.PasswordServiceServer.
func (s *Passwords) SignInWithPassword(ctx context.Context, req *identityv1.SignInWithPasswordRequest) (*typesv1.Tokens, error) {
	signedIn, err := s.app.SignInWithPassword(ctx, req.GetEmail(), secret.Secret(req.GetPassword()))
	if err != nil {
		return nil, err
	}
	return tokens(signedIn), nil
}

// SetPassword implements identityv1.PasswordServiceServer.
func (s *Passwords) SetPassword(ctx context.Context, req *identityv1.SetPasswordRequest) (*typesv1.Success, error) {
	if err := s.app.SetPassword(ctx, secret.Secret(req.GetPassword())); err != nil {
		return nil, err
	}
	return success(), nil
}

// UpdatePassword implements identityv1.PasswordServiceServer.
func (s *Passwords) UpdatePassword(ctx context.Context, req *identityv1.UpdatePasswordRequest) (*typesv1.Success, error) {
	if err := s.app.UpdatePassword(ctx, app.PasswordUpdate{
		Old:          secret.Secret(req.GetOldPassword()),
		New:          secret.Secret(req.GetNewPassword()),
		RefreshToken: secret.Secret(req.GetRefreshToken()),
	}); err != nil {
		return nil, err
	}
	return success(), nil
}

// SendPasswordResetCode implements identityv1.PasswordServiceServer.
func (s *Passwords) SendPasswordResetCode(ctx context.Context, req *identityv1.SendPasswordResetCodeRequest) (*identityv1.SendPasswordResetCodeResponse, error) {
	if err := s.app.SendPasswordResetCode(ctx, app.PasswordResetCode{
		Email:       req.GetEmail(),
		CallbackURL: req.GetCallbackUrl(),
	}); err != nil {
		return nil, err
	}
	return &identityv1.SendPasswordResetCodeResponse{Success: "maybe, only if user with e-mail exists"}, nil
}

// ResetPassword implements identityv1.PasswordServiceServer.
func (s *Passwords) ResetPassword(ctx context.Context, req *identityv1.ResetPasswordRequest) (*typesv1.Success, error) {
	if err := s.app.ResetPassword(ctx, req.GetCode(), secret.Secret(req.GetPassword())); err != nil {
		return nil, err
	}
	return success(), nil
}

// CheckPasswordResetCode implements identityv1.PasswordServiceServer.
func (s *Passwords) CheckPasswordResetCode(ctx context.Context, req *identityv1.CheckPasswordResetCodeRequest) (*typesv1.CodeValidity, error) {
	if err := s.app.CheckPasswordResetCode(ctx, req.GetCode()); err != nil {
		return nil, err
	}
	return &typesv1.CodeValidity{IsCodeValid: true}, nil
}
