package events

import (
	"context"

	"vestibule.dev/pkg/ids"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/sessions/internal/app"
)

// Handle applies a fact of another context. It runs in the transaction that
// records the event as handled. Facts without meaning here are ignored.
func Handle(application *app.App) func(ctx context.Context, envelope *eventsv1.Envelope) error {
	return func(ctx context.Context, envelope *eventsv1.Envelope) error {
		tenant := ids.Tenant{ProjectID: envelope.GetProjectId(), BranchID: envelope.GetBranchId()}
		switch payload := envelope.GetPayload().(type) {
		case *eventsv1.Envelope_UserDeleted:
			_, err := application.RevokeUserSessions(ctx, app.Revocation{
				Tenant: tenant,
				UserID: payload.UserDeleted.GetUserId(),
				Reason: app.UserDeleted,
			})
			return err
		case *eventsv1.Envelope_PasswordChanged:
			if !payload.PasswordChanged.GetRevokesSessions() {
				return nil
			}
			// The request ended the sessions already. This repeats it in case
			// the request died on the way, and must spare whoever has signed
			// in with the new password since.
			_, err := application.RevokeUserSessions(ctx, app.Revocation{
				Tenant:        tenant,
				UserID:        payload.PasswordChanged.GetUserId(),
				KeptSessionID: payload.PasswordChanged.GetKeptSessionId(),
				OpenedBefore:  envelope.GetOccurredAt().AsTime(),
				Reason:        app.PasswordChanged,
			})
			return err
		case *eventsv1.Envelope_ProjectDeleted:
			return application.PurgeProject(ctx, payload.ProjectDeleted.GetProjectId())
		default:
			return nil
		}
	}
}
