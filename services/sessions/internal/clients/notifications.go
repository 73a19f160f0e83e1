package clients

import (
	"context"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/courier"
	notificationsv1 "vestibule.dev/proto/notifications/v1"
)

// Notifications hands mails to the notifications context.
type Notifications struct {
	rpc notificationsv1.EmailInternalServiceClient
}

// NewNotifications returns the notifications context behind conn.
func NewNotifications(conn grpc.ClientConnInterface) *Notifications {
	return &Notifications{rpc: notificationsv1.NewEmailInternalServiceClient(conn)}
}

// Deliver is a courier.Deliver.
func (n *Notifications) Deliver(ctx context.Context, mail courier.Mail) error {
	_, err := n.rpc.EnqueueEmail(ctx, &notificationsv1.EnqueueEmailRequest{
		Id:                      mail.ID,
		ProjectId:               mail.Tenant.ProjectID,
		BranchId:                mail.Tenant.BranchID,
		Template:                mail.Template,
		UserId:                  mail.ToUserID,
		Emails:                  mail.ToEmails,
		Variables:               mail.Variables,
		SkipDeliverabilityCheck: mail.SkipDeliverabilityCheck,
	})
	return err
}
