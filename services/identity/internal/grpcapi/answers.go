package grpcapi

import (
	"context"

	"vestibule.dev/pkg/principal"
	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/userpb"
)

// access is the access type of the caller.
func access(ctx context.Context) principal.Access {
	caller, _ := principal.FromContext(ctx)
	return caller.Access
}

// userFor renders a user for a caller of the access type.
func userFor(access principal.Access, user *app.UserView) (*identityv1.User, error) {
	if access.Trusted() {
		return userpb.Server(user)
	}
	return userpb.Client(user)
}

func tokens(signedIn *app.SignedIn) *typesv1.Tokens {
	return &typesv1.Tokens{
		AccessToken:  signedIn.Tokens.AccessToken.Reveal(),
		RefreshToken: signedIn.Tokens.RefreshToken.Reveal(),
		UserId:       signedIn.UserID,
	}
}

func signedInMessage(signedIn *app.SignedIn) *typesv1.SignedIn {
	return &typesv1.SignedIn{
		AccessToken:  signedIn.Tokens.AccessToken.Reveal(),
		RefreshToken: signedIn.Tokens.RefreshToken.Reveal(),
		UserId:       signedIn.UserID,
		IsNewUser:    signedIn.IsNewUser,
	}
}

func success() *typesv1.Success { return &typesv1.Success{Success: true} }
