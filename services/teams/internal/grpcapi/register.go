package grpcapi

import (
	"google.golang.org/grpc"

	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/teams/internal/app"
)

// Register registers all services of the context.
func Register(r grpc.ServiceRegistrar, application *app.App) {
	teamsv1.RegisterTeamServiceServer(r, &Teams{app: application})
	teamsv1.RegisterTeamMembershipServiceServer(r, &TeamMemberships{app: application})
	teamsv1.RegisterTeamMemberProfileServiceServer(r, &MemberProfiles{app: application})
	teamsv1.RegisterTeamInvitationServiceServer(r, &Invitations{app: application})
	teamsv1.RegisterPermissionServiceServer(r, &Permissions{app: application})
	teamsv1.RegisterPermissionDefinitionServiceServer(r, &PermissionDefinitions{app: application})
	teamsv1.RegisterTeamImageServiceServer(r, &Images{app: application})
	teamsv1.RegisterTeamInternalServiceServer(r, &Internal{app: application})
	teamsv1.RegisterMembershipInternalServiceServer(r, &Memberships{app: application})
}
