package events

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"

	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pbjson"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
	"vestibule.dev/services/teams/internal/teampb"
)

// Encode gives an event its published form.
func Encode(ctx context.Context, event app.Event) (*eventsv1.Envelope, error) {
	switch event := event.(type) {
	case app.TeamCreated:
		envelope := teamEnvelope(ctx, &event.Team, "created")
		team, err := representation(&event.Team)
		if err != nil {
			return nil, err
		}
		envelope.Payload = &eventsv1.Envelope_TeamCreated{TeamCreated: &eventsv1.TeamCreated{
			TeamId: event.Team.ID, Team: team, CreatorUserId: event.CreatorUserID, Personal: event.Personal,
		}}
		return envelope, nil
	case app.TeamUpdated:
		envelope := teamEnvelope(ctx, &event.Team, "updated")
		team, err := representation(&event.Team)
		if err != nil {
			return nil, err
		}
		envelope.Payload = &eventsv1.Envelope_TeamUpdated{TeamUpdated: &eventsv1.TeamUpdated{TeamId: event.Team.ID, Team: team}}
		return envelope, nil
	case app.TeamDeleted:
		envelope := outbox.NewEnvelope(ctx, outbox.Fact{
			Context: "teams", Aggregate: "team", Name: "deleted", ID: event.TeamID, Tenant: event.Tenant, Version: event.Version,
		})
		envelope.Payload = &eventsv1.Envelope_TeamDeleted{TeamDeleted: &eventsv1.TeamDeleted{TeamId: event.TeamID, UserIds: event.UserIDs}}
		return envelope, nil
	case app.MembershipCreated:
		envelope := membershipEnvelope(ctx, event.Membership, "membership", "created")
		envelope.Payload = &eventsv1.Envelope_TeamMembershipCreated{TeamMembershipCreated: &eventsv1.TeamMembershipCreated{
			TeamId: event.Membership.TeamID, UserId: event.Membership.UserID,
		}}
		return envelope, nil
	case app.MembershipDeleted:
		envelope := membershipEnvelope(ctx, event.Membership, "membership", "deleted")
		envelope.Payload = &eventsv1.Envelope_TeamMembershipDeleted{TeamMembershipDeleted: &eventsv1.TeamMembershipDeleted{
			TeamId: event.Membership.TeamID, UserId: event.Membership.UserID,
		}}
		return envelope, nil
	}
	return encodePermission(ctx, event)
}

// encodePermission is Encode for the facts about permissions.
func encodePermission(ctx context.Context, event app.Event) (*eventsv1.Envelope, error) {
	switch event := event.(type) {
	case app.TeamPermissionCreated:
		envelope := membershipEnvelope(ctx, event.Membership, "team_permission", "created")
		envelope.Payload = &eventsv1.Envelope_TeamPermissionCreated{TeamPermissionCreated: &eventsv1.TeamPermissionCreated{
			Id: event.PermissionID, UserId: event.Membership.UserID, TeamId: event.Membership.TeamID,
		}}
		return envelope, nil
	case app.TeamPermissionDeleted:
		envelope := membershipEnvelope(ctx, event.Membership, "team_permission", "deleted")
		envelope.Payload = &eventsv1.Envelope_TeamPermissionDeleted{TeamPermissionDeleted: &eventsv1.TeamPermissionDeleted{
			Id: event.PermissionID, UserId: event.Membership.UserID, TeamId: event.Membership.TeamID,
		}}
		return envelope, nil
	case app.ProjectPermissionCreated:
		envelope := outbox.NewEnvelope(ctx, outbox.Fact{
			Context: "teams", Aggregate: "project_permission", Name: "created", ID: event.UserID, Tenant: event.Tenant,
		})
		envelope.Payload = &eventsv1.Envelope_ProjectPermissionCreated{ProjectPermissionCreated: &eventsv1.ProjectPermissionCreated{
			Id: event.PermissionID, UserId: event.UserID,
		}}
		return envelope, nil
	case app.ProjectPermissionDeleted:
		envelope := outbox.NewEnvelope(ctx, outbox.Fact{
			Context: "teams", Aggregate: "project_permission", Name: "deleted", ID: event.UserID, Tenant: event.Tenant,
		})
		envelope.Payload = &eventsv1.Envelope_ProjectPermissionDeleted{ProjectPermissionDeleted: &eventsv1.ProjectPermissionDeleted{
			Id: event.PermissionID, UserId: event.UserID,
		}}
		return envelope, nil
	}
	return nil, fmt.Errorf("events: %T has no published form", event)
}

func teamEnvelope(ctx context.Context, team *domain.Team, fact string) *eventsv1.Envelope {
	return outbox.NewEnvelope(ctx, outbox.Fact{
		Context: "teams", Aggregate: "team", Name: fact, ID: team.ID, Tenant: team.Tenant, Version: team.Version,
	})
}

// membershipEnvelope is for facts about a member of a team.
func membershipEnvelope(ctx context.Context, membership domain.Membership, aggregate, fact string) *eventsv1.Envelope {
	return outbox.NewEnvelope(ctx, outbox.Fact{
		Context: "teams", Aggregate: aggregate, Name: fact, ID: membership.TeamID + "/" + membership.UserID, Tenant: membership.Tenant,
	})
}

// representation is the team as server callers see it.
func representation(team *domain.Team) (*structpb.Struct, error) {
	message, err := teampb.Server(team)
	if err != nil {
		return nil, err
	}
	return pbjson.Struct(message)
}
