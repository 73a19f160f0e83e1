package events

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/inbox"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/teams/internal/app"
)

// Subscriptions are the facts of others that this context acts on.
func Subscriptions(application *app.App) []inbox.Subscription {
	return []inbox.Subscription{{
		Name:    "identity",
		Context: "identity",
		Subjects: []string{
			"identity.v1.user.created.*",
			"identity.v1.user.updated.*",
			"identity.v1.user.deleted.*",
			"identity.v1.project.config_changed.*",
			"identity.v1.project.deleted.*",
		},
		// Of all changes of users only those matter here that name a team.
		Concerns: func(event *eventsv1.Envelope) bool {
			updated := event.GetUserUpdated()
			return updated == nil || updated.GetTeamNaming() != nil
		},
		Handle: func(ctx context.Context, event *eventsv1.Envelope) error {
			tenant := ids.Tenant{ProjectID: event.GetProjectId(), BranchID: event.GetBranchId()}
			switch payload := event.GetPayload().(type) {
			case *eventsv1.Envelope_UserCreated:
				created := payload.UserCreated
				return application.ProvisionUser(ctx, app.Provision{
					Tenant:        tenant,
					UserID:        created.GetUserId(),
					PersonalTeam:  personalTeam(created.GetPersonalTeam()),
					PermissionIDs: created.GetPermissionIds(),
					ConfigVersion: created.GetConfigVersion(),
				})
			case *eventsv1.Envelope_UserUpdated:
				naming := payload.UserUpdated.GetTeamNaming()
				return application.RenamePersonalTeams(ctx, tenant, payload.UserUpdated.GetUserId(), naming.GetDisplayName(), naming.GetPrimaryEmail())
			case *eventsv1.Envelope_UserDeleted:
				_, err := application.RemoveUser(ctx, tenant, payload.UserDeleted.GetUserId())
				return err
			case *eventsv1.Envelope_ProjectConfigChanged:
				changed := payload.ProjectConfigChanged
				return application.EndPermission(ctx, tenant, app.PermissionEnd{
					PermissionID: changed.GetEndedPermissionId(), RenamedTo: changed.GetRenamedPermissionId(), Version: changed.GetVersion(),
				})
			case *eventsv1.Envelope_ProjectDeleted:
				return application.PurgeProject(ctx, payload.ProjectDeleted.GetProjectId())
			}
			return nil
		},
	}}
}

func personalTeam(message *eventsv1.PersonalTeam) *app.PersonalTeam {
	if message == nil {
		return nil
	}
	return &app.PersonalTeam{
		TeamID: message.GetTeamId(), DisplayName: message.GetDisplayName(), PermissionIDs: message.GetPermissionIds(),
	}
}
