package events

import (
	"context"

	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/inbox"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
)

// Subscriptions are the facts of others that this context acts on.
func Subscriptions(application *app.App) []inbox.Subscription {
	return []inbox.Subscription{{
		Name:    "identity",
		Context: "identity",
		Subjects: []string{
			"identity.v1.user.deleted.*",
			"identity.v1.user.password_changed.*",
			"identity.v1.project.deleted.*",
		},
		Handle: func(ctx context.Context, event *eventsv1.Envelope) error {
			tenant := ids.Tenant{ProjectID: event.GetProjectId(), BranchID: event.GetBranchId()}
			switch payload := event.GetPayload().(type) {
			case *eventsv1.Envelope_UserDeleted:
				_, err := application.RevokeUserSessions(ctx, app.Revocation{
					Tenant: tenant,
					UserID: payload.UserDeleted.GetUserId(),
					Reason: app.UserDeleted,
				})
				return err
			case *eventsv1.Envelope_PasswordChanged:
				changed := payload.PasswordChanged
				if !changed.GetRevokesSessions() {
					return nil
				}
				// The request ended the sessions already. This repeats it in
				// case the request died on the way, and must spare whoever has
				// signed in with the new password since.
				_, err := application.RevokeUserSessions(ctx, app.Revocation{
					Tenant:        tenant,
					UserID:        changed.GetUserId(),
					KeptSessionID: changed.GetKeptSessionId(),
					OpenedBefore:  event.GetOccurredAt().AsTime(),
					Reason:        app.PasswordChanged,
				})
				return err
			case *eventsv1.Envelope_ProjectDeleted:
				return application.PurgeProject(ctx, payload.ProjectDeleted.GetProjectId())
			}
			return nil
		},
	}, {
		Name:     "teams",
		Context:  "teams",
		Subjects: []string{"teams.v1.team.deleted.*"},
		Handle: func(ctx context.Context, event *eventsv1.Envelope) error {
			deleted := event.GetTeamDeleted()
			if deleted == nil {
				return nil
			}
			tenant := ids.Tenant{ProjectID: event.GetProjectId(), BranchID: event.GetBranchId()}
			return application.DeleteTeamKeys(ctx, tenant, deleted.GetTeamId())
		},
	}}
}

// KeysRotated is the core subject of this context's own fact that other keys
// sign from now on, on which replicas drop what they cached.
const KeysRotated = "sessions.v1.signing_key.rotated.*"

// RotatedAudience reads whose keys have changed from a message on
// [KeysRotated].
func RotatedAudience(message []byte) (domain.Audience, bool) {
	event := &eventsv1.Envelope{}
	if err := proto.Unmarshal(message, event); err != nil {
		return domain.Audience{}, false
	}
	return domain.ParseAudience(event.GetSigningKeyRotated().GetAudience())
}
