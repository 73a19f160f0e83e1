package grpcapi

import (
	"google.golang.org/grpc"

	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
)

// RegisterUsers registers what serves users, their credentials and addresses.
func RegisterUsers(r grpc.ServiceRegistrar, application *app.App) {
	identityv1.RegisterUserServiceServer(r, &Users{app: application})
	identityv1.RegisterUserAdminServiceServer(r, &UserAdmin{app: application})
	identityv1.RegisterAnonymousServiceServer(r, &Anonymous{app: application})
	identityv1.RegisterMfaServiceServer(r, &MFA{app: application})
	identityv1.RegisterOAuthServiceServer(r, &OAuth{app: application})
	identityv1.RegisterOAuthProviderServiceServer(r, &OAuthProviders{app: application})
	identityv1.RegisterConnectedAccountServiceServer(r, &ConnectedAccounts{app: application})
	identityv1.RegisterOtpServiceServer(r, &OTP{app: application})
	identityv1.RegisterPasskeyServiceServer(r, &Passkeys{app: application})
	identityv1.RegisterPasswordServiceServer(r, &Passwords{app: application})
	identityv1.RegisterContactChannelServiceServer(r, &ContactChannels{app: application})
	identityv1.RegisterImageServiceServer(r, &Images{app: application})
	identityv1.RegisterUserInternalServiceServer(r, &UserInternal{app: application})
}

// RegisterProjects registers what serves projects, their keys and their
// configuration.
func RegisterProjects(r grpc.ServiceRegistrar, application *app.App) {
	identityv1.RegisterProjectServiceServer(r, &Projects{app: application})
	identityv1.RegisterApiKeySetServiceServer(r, &APIKeySets{app: application})
	identityv1.RegisterConfigServiceServer(r, &Configs{app: application})
	identityv1.RegisterDashboardServiceServer(r, &Dashboard{app: application})
	identityv1.RegisterProjectInternalServiceServer(r, &ProjectInternal{app: application})
	identityv1.RegisterMailInternalServiceServer(r, &MailInternal{app: application})
}
