package grpcapi

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"vestibule.dev/pkg/apierr"
	notificationsv1 "vestibule.dev/proto/notifications/v1"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
)

// Emails implements notificationsv1.EmailServiceServer.
type Emails struct {
	notificationsv1.UnimplementedEmailServiceServer
	app *app.App
}

// QueueEmails implements notificationsv1.EmailServiceServer.
func (s *Emails) QueueEmails(ctx context.Context, req *notificationsv1.QueueEmailsRequest) (*notificationsv1.QueueEmailsResponse, error) {
	theme, err := themeChoice(req.GetThemeId())
	if err != nil {
		return nil, err
	}
	userIDs, err := texts("user_ids", req.UserIds)
	if err != nil {
		return nil, err
	}
	outgoing := app.OutgoingEmail{
		HTML: req.Html, TemplateID: req.TemplateId, DraftID: req.DraftId,
		UserIDs: userIDs, AllUsers: req.GetAllUsers(),
		Subject: req.GetSubject(), CategoryName: req.NotificationCategoryName, Theme: theme,
		HighPriority: req.GetIsHighPriority(), ScheduledAt: moment(req.ScheduledAtMillis),
	}
	if req.Variables != nil {
		outgoing.Variables = req.GetVariables().AsMap()
	}
	recipients, err := s.app.QueueEmails(ctx, outgoing)
	if err != nil {
		return nil, err
	}
	res := &notificationsv1.QueueEmailsResponse{}
	for _, userID := range recipients {
		res.Results = append(res.Results, &notificationsv1.QueuedEmail{UserId: userID})
	}
	return res, nil
}

// texts reads a list of strings; nil when it was not given.
func texts(name string, list *structpb.ListValue) ([]string, error) {
	if list == nil {
		return nil, nil
	}
	found := make([]string, 0, len(list.GetValues()))
	for _, value := range list.GetValues() {
		text, ok := value.GetKind().(*structpb.Value_StringValue)
		if !ok {
			return nil, apierr.SchemaError(name + " must be a list of strings")
		}
		found = append(found, text.StringValue)
	}
	return found, nil
}

// ListOutboxEmails implements notificationsv1.EmailServiceServer.
func (s *Emails) ListOutboxEmails(ctx context.Context, req *notificationsv1.ListOutboxEmailsRequest) (*notificationsv1.ListOutboxEmailsResponse, error) {
	page, next, err := s.app.ListOutboxEmails(ctx, statuses(req.Status, req.SimpleStatus), req.Limit, req.GetCursor())
	if err != nil {
		return nil, err
	}
	res := &notificationsv1.ListOutboxEmailsResponse{IsPaginated: true, Pagination: &notificationsv1.OutboxPagination{NextCursor: textOrNull(next)}}
	for i := range page {
		message, err := outboxMessage(&page[i])
		if err != nil {
			return nil, err
		}
		res.Items = append(res.Items, message)
	}
	return res, nil
}

// statuses are those that both filters let through; nil for all.
func statuses(status, simple *string) []domain.Status {
	if status == nil && simple == nil {
		return nil
	}
	chosen := []domain.Status{}
	for _, s := range domain.Statuses {
		if (status == nil || *status == string(s)) && (simple == nil || *simple == string(s.Simple())) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// GetOutboxEmail implements notificationsv1.EmailServiceServer.
func (s *Emails) GetOutboxEmail(ctx context.Context, req *notificationsv1.GetOutboxEmailRequest) (*notificationsv1.OutboxEmail, error) {
	email, err := s.app.GetOutboxEmail(ctx, strings.ToLower(req.GetEmailId()))
	if err != nil {
		return nil, err
	}
	return outboxMessage(email)
}

// UpdateOutboxEmail implements notificationsv1.EmailServiceServer.
func (s *Emails) UpdateOutboxEmail(ctx context.Context, req *notificationsv1.UpdateOutboxEmailRequest) (*notificationsv1.OutboxEmail, error) {
	theme, err := themeChoice(req.GetThemeId())
	if err != nil {
		return nil, err
	}
	change := app.EmailChange{
		Source: req.TsxSource, SkipDeliverabilityCheck: req.SkipDeliverabilityCheck, ScheduledAt: moment(req.ScheduledAtMillis),
		Paused: req.IsPaused, Cancel: req.GetCancel(),
	}
	if theme != nil {
		change.ThemeID = new(strings.ToLower(theme.ID)) // here null means none, as in the row
	}
	if to := req.GetTo(); to != nil {
		change.Recipient = &domain.Recipient{
			Type: domain.RecipientType(to.GetType()), UserID: strings.ToLower(to.GetUserId()), Emails: to.GetEmails(),
		}
	}
	if req.Variables != nil {
		change.Variables = req.GetVariables().AsMap()
	}
	email, err := s.app.UpdateOutboxEmail(ctx, strings.ToLower(req.GetEmailId()), change)
	if err != nil {
		return nil, err
	}
	return outboxMessage(email)
}

// GetEmailDeliveryInfo implements notificationsv1.EmailServiceServer.
func (s *Emails) GetEmailDeliveryInfo(ctx context.Context, _ *notificationsv1.GetEmailDeliveryInfoRequest) (*notificationsv1.EmailDeliveryInfo, error) {
	info, err := s.app.GetEmailDeliveryInfo(ctx)
	if err != nil {
		return nil, err
	}
	capacity := &notificationsv1.EmailCapacity{
		RatePerSecond: info.RatePerSecond, BoostMultiplier: 1, PenaltyFactor: info.Stats.Penalty(), IsBoostActive: info.Boost.Active,
	}
	if info.Boost.Active {
		capacity.BoostMultiplier = domain.BoostFactor
	}
	if at := info.Boost.ExpiresAt; at != nil {
		capacity.BoostExpiresAt = textOrNull(at.UTC().Format(isoMillis))
	}
	return &notificationsv1.EmailDeliveryInfo{
		Stats: &notificationsv1.EmailDeliveryStats{
			Hour: counts(info.Stats.Hour), Day: counts(info.Stats.Day), Week: counts(info.Stats.Week), Month: counts(info.Stats.Month),
		},
		Capacity: capacity,
	}, nil
}

func counts(d domain.Deliveries) *notificationsv1.EmailDeliveryCounts {
	return &notificationsv1.EmailDeliveryCounts{Sent: float64(d.Sent), Bounced: float64(d.Bounced), MarkedAsSpam: float64(d.MarkedAsSpam)}
}

// BoostEmailCapacity implements notificationsv1.EmailServiceServer.
func (s *Emails) BoostEmailCapacity(ctx context.Context, _ *notificationsv1.BoostEmailCapacityRequest) (*notificationsv1.BoostEmailCapacityResponse, error) {
	expiresAt, err := s.app.BoostEmailCapacity(ctx)
	if err != nil {
		return nil, err
	}
	return &notificationsv1.BoostEmailCapacityResponse{ExpiresAt: expiresAt.UTC().Format(isoMillis)}, nil
}

// RenderEmail implements notificationsv1.EmailServiceServer.
func (s *Emails) RenderEmail(ctx context.Context, req *notificationsv1.RenderEmailRequest) (*notificationsv1.RenderEmailResponse, error) {
	theme, err := themeChoice(req.GetThemeId())
	if err != nil {
		return nil, err
	}
	preview, err := s.app.RenderEmail(ctx, app.PreviewRequest{
		TemplateID: req.TemplateId, TemplateSource: req.TemplateTsxSource, Theme: chosen(theme), ThemeSource: req.ThemeTsxSource,
	})
	if err != nil {
		return nil, err
	}
	res := &notificationsv1.RenderEmailResponse{Html: preview.HTML}
	if preview.Subject != "" {
		res.Subject = &preview.Subject
	}
	if preview.Category != "" {
		res.NotificationCategory = &preview.Category
	}
	return res, nil
}
