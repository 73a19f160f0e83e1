package grpcapi

import (
	"context"

	"vestibule.dev/pkg/ids"
	notificationsv1 "vestibule.dev/proto/notifications/v1"
	"vestibule.dev/services/notifications/internal/app"
)

// Internal implements notificationsv1.EmailInternalServiceServer.
type Internal struct {
	notificationsv1.UnimplementedEmailInternalServiceServer
	app *app.App
}

// EnqueueEmail implements notificationsv1.EmailInternalServiceServer.
func (s *Internal) EnqueueEmail(ctx context.Context, req *notificationsv1.EnqueueEmailRequest) (*notificationsv1.EnqueueEmailResponse, error) {
	if err := s.app.EnqueueEmail(ctx, app.BuiltInEmail{
		Tenant:                  ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()},
		ID:                      req.GetId(),
		Template:                req.GetTemplate(),
		UserID:                  req.GetUserId(),
		Emails:                  req.GetEmails(),
		Variables:               req.GetVariables(),
		SkipDeliverabilityCheck: req.GetSkipDeliverabilityCheck(),
	}); err != nil {
		return nil, err
	}
	return &notificationsv1.EnqueueEmailResponse{}, nil
}
