package grpcapi

import (
	"context"
	"net/http"
	"strconv"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/secret"
	notificationsv1 "vestibule.dev/proto/notifications/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
)

// Operations implements notificationsv1.EmailOperationServiceServer.
type Operations struct {
	notificationsv1.UnimplementedEmailOperationServiceServer
	app *app.App
}

// SendTestEmail implements notificationsv1.EmailOperationServiceServer.
func (s *Operations) SendTestEmail(ctx context.Context, req *notificationsv1.SendTestEmailRequest) (*notificationsv1.SendTestEmailResponse, error) {
	server := req.GetEmailConfig()
	problem, err := s.app.SendTestEmail(ctx, req.GetRecipientEmail(), app.Server{
		Host: server.GetHost(), Port: int(server.GetPort()), Username: server.GetUsername(), Password: secret.Secret(server.GetPassword()),
		SenderName: server.GetSenderName(), SenderEmail: server.GetSenderEmail(),
	})
	if err != nil {
		return nil, err
	}
	if problem != "" {
		return &notificationsv1.SendTestEmailResponse{ErrorMessage: &problem}, nil
	}
	return &notificationsv1.SendTestEmailResponse{Success: true}, nil
}

// SendSignInInvitation implements notificationsv1.EmailOperationServiceServer.
func (s *Operations) SendSignInInvitation(ctx context.Context, req *notificationsv1.SendSignInInvitationRequest) (*typesv1.Success, error) {
	if err := s.app.SendSignInInvitation(ctx, req.GetEmail(), req.GetCallbackUrl()); err != nil {
		return nil, err
	}
	return &typesv1.Success{Success: true}, nil
}

// ListEmails implements notificationsv1.EmailOperationServiceServer.
func (s *Operations) ListEmails(ctx context.Context, _ *notificationsv1.ListEmailsRequest) (*notificationsv1.ListEmailsResponse, error) {
	emails, err := s.app.ListEmails(ctx)
	if err != nil {
		return nil, err
	}
	res := &notificationsv1.ListEmailsResponse{}
	for _, email := range emails {
		sentAt := email.CreatedAt
		if email.Progress.FinishedSending != nil {
			sentAt = *email.Progress.FinishedSending
		}
		res.Items = append(res.Items, &notificationsv1.EmailSummary{
			Id: email.ID, Subject: email.Subject, SentAtMillis: millis(sentAt), To: addressees(email.Recipient), Error: textOrNull(email.Problem()),
		})
	}
	return res, nil
}

// addressees names the recipients; a user whose address is looked up at the
// time of sending by their id.
func addressees(r domain.Recipient) []string {
	if len(r.Emails) == 0 && r.UserID != "" {
		return []string{"User ID: " + r.UserID}
	}
	return r.Emails
}

// RunEmailQueue implements notificationsv1.EmailOperationServiceServer.
func (s *Operations) RunEmailQueue(ctx context.Context, req *notificationsv1.RunEmailQueueRequest) (*notificationsv1.RunEmailQueueResponse, error) {
	if err := s.app.RunEmailQueue(ctx, req.GetAuthorization()); err != nil {
		return nil, err
	}
	return &notificationsv1.RunEmailQueueResponse{Ok: true}, nil
}

// unrendered stands for the subject of a mail that could not be rendered.
const unrendered = "(rendering failed)"

// ListFailedEmails implements notificationsv1.EmailOperationServiceServer. Owners
// are not told, because sending digests is switched off: who does not ask for a
// dry run learns so by the status.
func (s *Operations) ListFailedEmails(ctx context.Context, req *notificationsv1.ListFailedEmailsRequest) (*notificationsv1.ListFailedEmailsResponse, error) {
	digests, err := s.app.ListFailedEmails(ctx, req.GetAuthorization())
	if err != nil {
		return nil, err
	}
	res := &notificationsv1.ListFailedEmailsResponse{Success: req.GetDryRun() == "true" || len(digests) == 0}
	for _, digest := range digests {
		of := &notificationsv1.FailedEmailsOfTenancy{ProjectId: digest.ProjectID, TenancyId: digest.ProjectID + "/" + digest.BranchID}
		for _, email := range digest.Emails {
			failed := &notificationsv1.FailedEmail{Subject: email.Subject, To: addressees(email.Recipient)}
			if !email.Rendered {
				failed.Subject = unrendered
			}
			for _, owner := range digest.Owners {
				of.Emails, of.TenantOwnerEmails = append(of.Emails, failed), append(of.TenantOwnerEmails, owner)
			}
		}
		res.FailedEmailsByTenancy = append(res.FailedEmailsByTenancy, of)
	}
	if !res.GetSuccess() {
		grpcx.SetHeader(ctx, grpcx.HeaderHTTPStatus, strconv.Itoa(http.StatusInternalServerError))
	}
	return res, nil
}

// ListManagedDomains implements notificationsv1.EmailOperationServiceServer.
func (s *Operations) ListManagedDomains(context.Context, *notificationsv1.ListManagedDomainsRequest) (*notificationsv1.ListManagedDomainsResponse, error) {
	return &notificationsv1.ListManagedDomainsResponse{}, nil
}

// noManagedDomains is the answer of a server without a DNS provider.
func noManagedDomains() error {
	return apierr.Text(http.StatusBadRequest, "This server does not manage sending domains. Configure a mail server of your own instead.")
}

// SetUpManagedDomain implements notificationsv1.EmailOperationServiceServer.
func (s *Operations) SetUpManagedDomain(context.Context, *notificationsv1.SetUpManagedDomainRequest) (*notificationsv1.ManagedDomain, error) {
	return nil, noManagedDomains()
}

// CheckManagedDomain implements notificationsv1.EmailOperationServiceServer.
func (s *Operations) CheckManagedDomain(context.Context, *notificationsv1.CheckManagedDomainRequest) (*notificationsv1.ManagedDomainStatus, error) {
	return nil, noManagedDomains()
}

// ApplyManagedDomain implements notificationsv1.EmailOperationServiceServer.
func (s *Operations) ApplyManagedDomain(context.Context, *notificationsv1.ApplyManagedDomainRequest) (*notificationsv1.ManagedDomainStatus, error) {
	return nil, noManagedDomains()
}
