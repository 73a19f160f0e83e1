package service

import (
	"context"

	"vestibule.dev/pkg/courier"
	notificationsv1 "vestibule.dev/proto/notifications/v1"
)

// HandOverMails adds the worker that brings what the service's courier holds to
// the notifications context, and shows how much waits for it.
func (p *Platform) HandOverMails(ctx context.Context) error {
	conn, err := p.Dial(ctx, "notifications")
	if err != nil {
		return err
	}
	deliver := enqueueAt(notificationsv1.NewEmailInternalServiceClient(conn))
	p.Go("courier", courier.NewWorker(p.DB, p.Box, deliver, p.Logger).Run)
	return p.MeasureQueue("courier", courier.Status(p.DB))
}

// enqueueAt puts mails into the queue of the notifications context, which knows
// a mail that it was given before by its id.
func enqueueAt(notifications notificationsv1.EmailInternalServiceClient) courier.Deliver {
	return func(ctx context.Context, mail courier.Mail) error {
		_, err := notifications.EnqueueEmail(ctx, &notificationsv1.EnqueueEmailRequest{
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
}
