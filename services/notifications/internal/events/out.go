package events

import (
	"context"
	"fmt"

	"vestibule.dev/pkg/outbox"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
)

// Encode gives an event its published form. Neither addresses nor anything a
// mail says is part of it.
func Encode(ctx context.Context, event app.Event) (*eventsv1.Envelope, error) {
	switch event := event.(type) {
	case app.EmailSent:
		envelope := emailEnvelope(ctx, event.Claim, "sent")
		envelope.Payload = &eventsv1.Envelope_EmailSent{EmailSent: &eventsv1.EmailSent{
			EmailId: event.ID, UserId: event.UserID, TemplateId: event.TemplateID, Attempts: int32(event.Attempts),
		}}
		return envelope, nil
	case app.EmailFailed:
		envelope := emailEnvelope(ctx, event.Claim, "failed")
		envelope.Payload = &eventsv1.Envelope_EmailFailed{EmailFailed: &eventsv1.EmailFailed{
			EmailId: event.ID, UserId: event.UserID, TemplateId: event.TemplateID,
			Stage: event.Stage, ErrorType: string(event.Type), Attempts: int32(event.Attempts),
		}}
		return envelope, nil
	case app.NotificationPreferenceUpdated:
		return preferenceEnvelope(ctx, event), nil
	}
	return nil, fmt.Errorf("events: %T has no published form", event)
}

func emailEnvelope(ctx context.Context, claim app.Claim, fact string) *eventsv1.Envelope {
	return outbox.NewEnvelope(ctx, outbox.Fact{
		Context: "notifications", Aggregate: "email", Name: fact, ID: claim.ID, Tenant: claim.Tenant,
	})
}

func preferenceEnvelope(ctx context.Context, event app.NotificationPreferenceUpdated) *eventsv1.Envelope {
	envelope := outbox.NewEnvelope(ctx, outbox.Fact{
		Context: "notifications", Aggregate: "notification_preference", Name: "updated",
		ID: event.UserID + "/" + event.CategoryID, Tenant: event.Tenant,
	})
	category, _ := domain.CategoryByID(event.CategoryID)
	envelope.Payload = &eventsv1.Envelope_NotificationPreferenceUpdated{NotificationPreferenceUpdated: &eventsv1.NotificationPreferenceUpdated{
		UserId: event.UserID, NotificationCategoryId: category.ID, NotificationCategoryName: category.Name, Enabled: event.Enabled,
	}}
	return envelope
}
