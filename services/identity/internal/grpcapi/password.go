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

// SignUpWithPassword implements identityv1.PasswordServiceServer. The
// parameters of bot challenges are checked by their rules and have no further
// effect: no challenge is configured (auth.md §4.4).
func (s *Passwords) SignUpWithPassword(ctx context.Context, req *identityv1.SignUpWithPasswordRequest) (*typesv1.Tokens, error) {
	signedIn, err := s.app.SignUpWithPassword(ctx, app.PasswordSignUp{
		Email:                   req.GetEmail(),
		Password:                secret.Secret(req.GetPassword()),
		VerificationCallbackURL: req.GetVerificationCallbackUrl(),
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
