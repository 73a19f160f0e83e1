package grpcapi

import (
	"google.golang.org/protobuf/types/known/structpb"

	notificationsv1 "vestibule.dev/proto/notifications/v1"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
)

// outboxMessage shows a mail: the base keys, and those of its status
// (notifications.md §6.3).
func outboxMessage(e *app.OutboxEmail) (*notificationsv1.OutboxEmail, error) {
	status, simple := e.Progress.Status()
	m := &notificationsv1.OutboxEmail{
		Id: e.ID, CreatedAtMillis: millis(e.CreatedAt), UpdatedAtMillis: millis(e.UpdatedAt),
		TsxSource: e.Source, ThemeId: textOrNull(e.ThemeID), SkipDeliverabilityCheck: e.SkipDeliverabilityCheck,
		ScheduledAtMillis: millis(e.ScheduledAt), CreatedWith: string(e.CreatedWith),
		EmailDraftId: textOrNull(e.DraftID), EmailProgrammaticCallTemplateId: textOrNull(e.TemplateID),
		SendRetries: int32(e.Retries), NextSendRetryAtMillis: millisOrNull(e.NextRetryAt),
		Status: string(status), SimpleStatus: string(simple), IsPaused: e.Progress.Paused,
	}
	var err error
	if m.To, err = structpb.NewStruct(recipient(e.Recipient)); err != nil {
		return nil, err
	}
	if m.Variables, err = structpb.NewStruct(e.Variables); err != nil {
		return nil, err
	}
	if e.AttemptErrors != nil {
		if m.SendAttemptErrors, err = structpb.NewList(e.AttemptErrors); err != nil {
			return nil, err
		}
	}
	return m, showProgress(m, e, status)
}

func recipient(r domain.Recipient) map[string]any {
	to := map[string]any{"type": string(r.Type)}
	if r.Type != domain.CustomEmails {
		to["user_id"] = r.UserID
	}
	if r.Type != domain.UserPrimaryEmail {
		emails := make([]any, 0, len(r.Emails))
		for _, email := range r.Emails {
			emails = append(emails, email)
		}
		to["emails"] = emails
	}
	return to
}

// showProgress adds what is known in this status.
func showProgress(m *notificationsv1.OutboxEmail, e *app.OutboxEmail, status domain.Status) error {
	p := e.Progress
	switch status {
	case domain.StatusPaused, domain.StatusPreparing:
		return nil
	case domain.StatusRendering:
		m.StartedRenderingAtMillis = maybeMillis(p.StartedRendering)
		return nil
	case domain.StatusRenderError:
		m.StartedRenderingAtMillis, m.RenderedAtMillis = maybeMillis(p.StartedRendering), maybeMillis(p.FinishedRendering)
		m.RenderError = &e.RenderError
		return nil
	case domain.StatusSkipped:
		m.SkippedAtMillis, m.SkippedReason = maybeMillis(&e.UpdatedAt), new(string(p.Skipped))
		details, err := structpb.NewStruct(e.SkippedDetails)
		if err != nil {
			return err
		}
		m.SkippedDetails = details
		if p.FinishedRendering == nil || p.RenderFailed {
			return nil
		}
	}
	showRendered(m, e)
	m.StartedSendingAtMillis = maybeMillis(p.StartedSending)
	switch status {
	case domain.StatusServerError:
		m.ErrorAtMillis, m.ServerError = maybeMillis(p.FinishedSending), &e.ServerError
	case domain.StatusBounced:
		m.BouncedAtMillis = maybeMillis(p.Bounced)
	case domain.StatusDeliveryDelayed:
		m.DeliveryDelayedAtMillis = maybeMillis(p.DeliveryDelayed)
	case domain.StatusSent, domain.StatusOpened, domain.StatusClicked, domain.StatusMarkedAsSpam:
		m.HasDelivered, m.CanHaveDeliveryInfo = true, &p.CanHaveDeliveryInfo
		m.DeliveredAtMillis = maybeMillis(p.FinishedSending)
		if p.Delivered != nil {
			m.DeliveredAtMillis = maybeMillis(p.Delivered)
		}
		switch status {
		case domain.StatusOpened:
			m.OpenedAtMillis = maybeMillis(p.Opened)
		case domain.StatusClicked:
			m.ClickedAtMillis = maybeMillis(p.Clicked)
		case domain.StatusMarkedAsSpam:
			m.MarkedAsSpamAtMillis = maybeMillis(p.MarkedAsSpam)
		}
	}
	return nil
}

func showRendered(m *notificationsv1.OutboxEmail, e *app.OutboxEmail) {
	m.HasRendered = true
	m.StartedRenderingAtMillis, m.RenderedAtMillis = maybeMillis(e.Progress.StartedRendering), maybeMillis(e.Progress.FinishedRendering)
	m.Subject, m.Html, m.Text = &e.Subject, &e.HTML, &e.Text
	m.IsTransactional, m.IsHighPriority = &e.Transactional, &e.HighPriority
	m.NotificationCategoryId = structpb.NewNullValue()
	if e.CategoryID != "" {
		m.NotificationCategoryId = structpb.NewStringValue(e.CategoryID)
	}
}
