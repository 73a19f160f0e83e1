package routes

import (
	identityv1 "vestibule.dev/proto/identity/v1"
	notificationsv1 "vestibule.dev/proto/notifications/v1"
	paymentsv1 "vestibule.dev/proto/payments/v1"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	teamsv1 "vestibule.dev/proto/teams/v1"
)

// Services lists the public services of all contexts. A service missing here
// is not reachable; a test compares the list with the descriptors.
func Services() []Service {
	return []Service{
		NewService(identityv1.AnonymousService_ServiceDesc, identityv1.NewAnonymousServiceClient, identityv1.RegisterAnonymousServiceHandlerClient),
		NewService(identityv1.ApiKeySetService_ServiceDesc, identityv1.NewApiKeySetServiceClient, identityv1.RegisterApiKeySetServiceHandlerClient),
		NewService(identityv1.ConfigService_ServiceDesc, identityv1.NewConfigServiceClient, identityv1.RegisterConfigServiceHandlerClient),
		NewService(identityv1.ConnectedAccountService_ServiceDesc, identityv1.NewConnectedAccountServiceClient, identityv1.RegisterConnectedAccountServiceHandlerClient),
		NewService(identityv1.ContactChannelService_ServiceDesc, identityv1.NewContactChannelServiceClient, identityv1.RegisterContactChannelServiceHandlerClient),
		NewService(identityv1.DashboardService_ServiceDesc, identityv1.NewDashboardServiceClient, identityv1.RegisterDashboardServiceHandlerClient),
		NewService(identityv1.ImageService_ServiceDesc, identityv1.NewImageServiceClient, identityv1.RegisterImageServiceHandlerClient),
		NewService(identityv1.MfaService_ServiceDesc, identityv1.NewMfaServiceClient, identityv1.RegisterMfaServiceHandlerClient),
		NewService(identityv1.OAuthProviderService_ServiceDesc, identityv1.NewOAuthProviderServiceClient, identityv1.RegisterOAuthProviderServiceHandlerClient),
		NewService(identityv1.OAuthService_ServiceDesc, identityv1.NewOAuthServiceClient, identityv1.RegisterOAuthServiceHandlerClient),
		NewService(identityv1.OtpService_ServiceDesc, identityv1.NewOtpServiceClient, identityv1.RegisterOtpServiceHandlerClient),
		NewService(identityv1.PasskeyService_ServiceDesc, identityv1.NewPasskeyServiceClient, identityv1.RegisterPasskeyServiceHandlerClient),
		NewService(identityv1.PasswordService_ServiceDesc, identityv1.NewPasswordServiceClient, identityv1.RegisterPasswordServiceHandlerClient),
		NewService(identityv1.ProjectService_ServiceDesc, identityv1.NewProjectServiceClient, identityv1.RegisterProjectServiceHandlerClient),
		NewService(identityv1.UserAdminService_ServiceDesc, identityv1.NewUserAdminServiceClient, identityv1.RegisterUserAdminServiceHandlerClient),
		NewService(identityv1.UserService_ServiceDesc, identityv1.NewUserServiceClient, identityv1.RegisterUserServiceHandlerClient),
		NewService(notificationsv1.EmailDesignService_ServiceDesc, notificationsv1.NewEmailDesignServiceClient, notificationsv1.RegisterEmailDesignServiceHandlerClient),
		NewService(notificationsv1.EmailOperationService_ServiceDesc, notificationsv1.NewEmailOperationServiceClient, notificationsv1.RegisterEmailOperationServiceHandlerClient),
		NewService(notificationsv1.EmailService_ServiceDesc, notificationsv1.NewEmailServiceClient, notificationsv1.RegisterEmailServiceHandlerClient),
		NewService(notificationsv1.NotificationPreferenceService_ServiceDesc, notificationsv1.NewNotificationPreferenceServiceClient, notificationsv1.RegisterNotificationPreferenceServiceHandlerClient),
		NewService(notificationsv1.WebhookService_ServiceDesc, notificationsv1.NewWebhookServiceClient, notificationsv1.RegisterWebhookServiceHandlerClient),
		NewService(paymentsv1.BillingService_ServiceDesc, paymentsv1.NewBillingServiceClient, paymentsv1.RegisterBillingServiceHandlerClient),
		NewService(paymentsv1.ItemService_ServiceDesc, paymentsv1.NewItemServiceClient, paymentsv1.RegisterItemServiceHandlerClient),
		NewService(paymentsv1.PaymentAdminService_ServiceDesc, paymentsv1.NewPaymentAdminServiceClient, paymentsv1.RegisterPaymentAdminServiceHandlerClient),
		NewService(paymentsv1.ProductService_ServiceDesc, paymentsv1.NewProductServiceClient, paymentsv1.RegisterProductServiceHandlerClient),
		NewService(paymentsv1.PurchaseService_ServiceDesc, paymentsv1.NewPurchaseServiceClient, paymentsv1.RegisterPurchaseServiceHandlerClient),
		NewService(sessionsv1.CliLoginService_ServiceDesc, sessionsv1.NewCliLoginServiceClient, sessionsv1.RegisterCliLoginServiceHandlerClient),
		NewService(sessionsv1.CredentialScanningService_ServiceDesc, sessionsv1.NewCredentialScanningServiceClient, sessionsv1.RegisterCredentialScanningServiceHandlerClient),
		NewService(sessionsv1.SessionService_ServiceDesc, sessionsv1.NewSessionServiceClient, sessionsv1.RegisterSessionServiceHandlerClient),
		NewService(sessionsv1.TeamApiKeyService_ServiceDesc, sessionsv1.NewTeamApiKeyServiceClient, sessionsv1.RegisterTeamApiKeyServiceHandlerClient),
		NewService(sessionsv1.TokenService_ServiceDesc, sessionsv1.NewTokenServiceClient, sessionsv1.RegisterTokenServiceHandlerClient),
		NewService(sessionsv1.UserApiKeyService_ServiceDesc, sessionsv1.NewUserApiKeyServiceClient, sessionsv1.RegisterUserApiKeyServiceHandlerClient),
		NewService(teamsv1.PermissionDefinitionService_ServiceDesc, teamsv1.NewPermissionDefinitionServiceClient, teamsv1.RegisterPermissionDefinitionServiceHandlerClient),
		NewService(teamsv1.PermissionService_ServiceDesc, teamsv1.NewPermissionServiceClient, teamsv1.RegisterPermissionServiceHandlerClient),
		NewService(teamsv1.TeamImageService_ServiceDesc, teamsv1.NewTeamImageServiceClient, teamsv1.RegisterTeamImageServiceHandlerClient),
		NewService(teamsv1.TeamInvitationService_ServiceDesc, teamsv1.NewTeamInvitationServiceClient, teamsv1.RegisterTeamInvitationServiceHandlerClient),
		NewService(teamsv1.TeamMemberProfileService_ServiceDesc, teamsv1.NewTeamMemberProfileServiceClient, teamsv1.RegisterTeamMemberProfileServiceHandlerClient),
		NewService(teamsv1.TeamMembershipService_ServiceDesc, teamsv1.NewTeamMembershipServiceClient, teamsv1.RegisterTeamMembershipServiceHandlerClient),
		NewService(teamsv1.TeamService_ServiceDesc, teamsv1.NewTeamServiceClient, teamsv1.RegisterTeamServiceHandlerClient),
	}
}
