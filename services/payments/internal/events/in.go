package events

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/inbox"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
)

// Subscriptions are the facts of others that this context acts on.
func Subscriptions(application *app.App) []inbox.Subscription {
	return []inbox.Subscription{{
		Name:    "identity",
		Context: "identity",
		Subjects: []string{
			"identity.v1.user.deleted.*",
			"identity.v1.project.deleted.*",
		},
		Handle: func(ctx context.Context, event *eventsv1.Envelope) error {
			tenant := ids.Tenant{ProjectID: event.GetProjectId(), BranchID: event.GetBranchId()}
			switch payload := event.GetPayload().(type) {
			case *eventsv1.Envelope_UserDeleted:
				return application.RemoveCustomer(ctx, tenant, domain.Customer{Type: domain.CustomerUser, ID: payload.UserDeleted.GetUserId()})
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
			if deleted := event.GetTeamDeleted(); deleted != nil {
				tenant := ids.Tenant{ProjectID: event.GetProjectId(), BranchID: event.GetBranchId()}
				return application.RemoveCustomer(ctx, tenant, domain.Customer{Type: domain.CustomerTeam, ID: deleted.GetTeamId()})
			}
			return nil
		},
	}}
}
