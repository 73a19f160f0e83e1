package events

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/inbox"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/identity/internal/app"
)

// Subscriptions are the facts of others that this context acts on. Its own,
// such as the deletion of a project, it acts on where they happen.
func Subscriptions(application *app.App) []inbox.Subscription {
	return []inbox.Subscription{{
		Name:     "teams",
		Context:  "teams",
		Subjects: []string{"teams.v1.membership.deleted.*", "teams.v1.team.deleted.*"},
		Handle: func(ctx context.Context, event *eventsv1.Envelope) error {
			tenant := ids.Tenant{ProjectID: event.GetProjectId(), BranchID: event.GetBranchId()}
			switch payload := event.GetPayload().(type) {
			case *eventsv1.Envelope_TeamMembershipDeleted:
				left := payload.TeamMembershipDeleted
				return application.ClearSelectedTeam(ctx, tenant, left.GetUserId(), left.GetTeamId())
			case *eventsv1.Envelope_TeamDeleted:
				deleted := payload.TeamDeleted
				return application.ForgetTeam(ctx, tenant, deleted.GetTeamId(), deleted.GetUserIds())
			}
			return nil
		},
	}}
}
