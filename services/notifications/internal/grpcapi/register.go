package grpcapi

import (
	"google.golang.org/grpc"

	notificationsv1 "vestibule.dev/proto/notifications/v1"
	"vestibule.dev/services/notifications/internal/app"
)

// RegisterEmails registers what serves mails and who wants them.
func RegisterEmails(r grpc.ServiceRegistrar, application *app.App) {
	notificationsv1.RegisterEmailInternalServiceServer(r, &Internal{app: application})
	notificationsv1.RegisterNotificationPreferenceServiceServer(r, &Preferences{app: application})
}

// RegisterWebhooks registers what manages the webhooks of projects.
func RegisterWebhooks(r grpc.ServiceRegistrar, application *app.App) {
	notificationsv1.RegisterWebhookServiceServer(r, &Webhooks{app: application})
}
