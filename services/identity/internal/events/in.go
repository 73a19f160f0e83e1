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
		Subjects: []string{"teams.v1.membership.deleted.*"},
		Handle: func(ctx context.Context, event *eventsv1.Envelope) error {
			left, ok := event.GetPayload().(*eventsv1.Envelope_TeamMembershipDeleted)
			if !ok {
				return nil
			}
			tenant := ids.Tenant{ProjectID: event.GetProjectId(), BranchID: event.GetBranchId()}
			return application.ClearSelectedTeam(ctx, tenant, left.TeamMembershipDeleted.GetUserId(), left.TeamMembershipDeleted.GetTeamId())
		},
	}}
}
