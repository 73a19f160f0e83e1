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
	case app.MembershipDeleted:
		envelope := outbox.NewEnvelope(ctx, outbox.Fact{
			Context: "teams", Aggregate: "membership", Name: "deleted", ID: event.TeamID + "/" + event.UserID, Tenant: event.Tenant,
		})
		envelope.Payload = &eventsv1.Envelope_TeamMembershipDeleted{TeamMembershipDeleted: &eventsv1.TeamMembershipDeleted{
			TeamId: event.TeamID, UserId: event.UserID,
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

// representation is the team as server callers see it.
func representation(team *domain.Team) (*structpb.Struct, error) {
	message, err := teampb.Server(team)
	if err != nil {
		return nil, err
	}
	return pbjson.Struct(message)
}
