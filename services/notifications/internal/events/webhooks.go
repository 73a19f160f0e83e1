package events

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/inbox"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/notifications/internal/app"
)

// WebhookSubscriptions are the facts of others of which projects are told. Each
// context has a subscription of its own, so that none waits for another.
func WebhookSubscriptions(application *app.App) []inbox.Subscription {
	handle := func(ctx context.Context, event *eventsv1.Envelope) error {
		facts, err := webhookFacts(event)
		if err != nil || len(facts) == 0 {
			return err
		}
		return application.SendWebhooks(ctx, facts...)
	}
	return []inbox.Subscription{{
		Name:    "webhooks-identity",
		Context: "identity",
		Ordered: true,
		Wanted:  application.WantsWebhooks,
		Subjects: []string{
			"identity.v1.user.created.*",
			"identity.v1.user.updated.*",
			"identity.v1.user.deleted.*",
		},
		Handle: handle,
	}, {
		Name:    "webhooks-teams",
		Context: "teams",
		Ordered: true,
		Key:     withMembership,
		Wanted:  application.WantsWebhooks,
		Subjects: []string{
			"teams.v1.team.*.*",
			"teams.v1.membership.*.*",
			"teams.v1.team_permission.*.*",
			"teams.v1.project_permission.*.*",
		},
		Handle: handle,
	}}
}

// withMembership makes permissions in a team one thing with the membership: what
// is told of both has one order.
func withMembership(aggregate string) string {
	if member, ok := strings.CutPrefix(aggregate, "team_permission/"); ok {
		return "membership/" + member
	}
	return aggregate
}

// object is the payload of a webhook.
type object map[string]any

// webhookFacts says what projects are told of an event (notifications.md §7.1).
// Nothing is told of events that are not listed there.
func webhookFacts(event *eventsv1.Envelope) ([]app.WebhookFact, error) {
	switch payload := event.GetPayload().(type) {
	case *eventsv1.Envelope_UserCreated:
		fact, err := webhookFact(event, "user.created", payload.UserCreated.GetUser())
		if team := payload.UserCreated.GetPersonalTeam(); team != nil {
			fact.Awaits, fact.AwaitsType = "team/"+team.GetTeamId(), "team.created"
		}
		return []app.WebhookFact{fact}, err
	case *eventsv1.Envelope_UserUpdated:
		return one(webhookFact(event, "user.updated", payload.UserUpdated.GetUser()))
	case *eventsv1.Envelope_UserDeleted:
		teams := []object{}
		for _, teamID := range payload.UserDeleted.GetTeamIds() {
			teams = append(teams, object{"id": teamID})
		}
		return one(webhookFact(event, "user.deleted", object{"id": payload.UserDeleted.GetUserId(), "teams": teams}))
	}
	return teamWebhookFacts(event)
}

// teamWebhookFacts is webhookFacts for the events of teams.
func teamWebhookFacts(event *eventsv1.Envelope) ([]app.WebhookFact, error) {
	switch payload := event.GetPayload().(type) {
	case *eventsv1.Envelope_TeamCreated:
		return one(webhookFact(event, "team.created", payload.TeamCreated.GetTeam()))
	case *eventsv1.Envelope_TeamUpdated:
		return one(webhookFact(event, "team.updated", payload.TeamUpdated.GetTeam()))
	case *eventsv1.Envelope_TeamDeleted:
		return one(webhookFact(event, "team.deleted", object{"id": payload.TeamDeleted.GetTeamId()}))
	case *eventsv1.Envelope_TeamMembershipCreated:
		return one(webhookFact(event, "team_membership.created", member(payload.TeamMembershipCreated)))
	case *eventsv1.Envelope_TeamMembershipDeleted:
		return one(webhookFact(event, "team_membership.deleted", member(payload.TeamMembershipDeleted)))
	case *eventsv1.Envelope_TeamPermissionCreated:
		return one(teamPermission(event, "team_permission.created", payload.TeamPermissionCreated))
	case *eventsv1.Envelope_TeamPermissionDeleted:
		return one(teamPermission(event, "team_permission.deleted", payload.TeamPermissionDeleted))
	case *eventsv1.Envelope_ProjectPermissionCreated:
		granted := payload.ProjectPermissionCreated
		return one(webhookFact(event, "project_permission.created", object{"id": granted.GetId(), "user_id": granted.GetUserId()}))
	case *eventsv1.Envelope_ProjectPermissionDeleted:
		revoked := payload.ProjectPermissionDeleted
		return one(webhookFact(event, "project_permission.deleted", object{"id": revoked.GetId(), "user_id": revoked.GetUserId()}))
	}
	return nil, nil
}

// membership names a user and a team.
type membership interface {
	GetTeamId() string
	GetUserId() string
}

func member(m membership) object {
	return object{"team_id": m.GetTeamId(), "user_id": m.GetUserId()}
}

// teamPermission is told after the membership that it comes with.
func teamPermission(event *eventsv1.Envelope, eventType string, permission interface {
	membership
	GetId() string
}) (app.WebhookFact, error) {
	data := member(permission)
	data["id"] = permission.GetId()
	fact, err := webhookFact(event, eventType, data)
	fact.Resource = withMembership(fact.Resource)
	return fact, err
}

func one(fact app.WebhookFact, err error) ([]app.WebhookFact, error) {
	return []app.WebhookFact{fact}, err
}

func webhookFact(event *eventsv1.Envelope, eventType string, data any) (app.WebhookFact, error) {
	if representation, ok := data.(*structpb.Struct); ok {
		data = representation.AsMap()
	}
	text, err := json.Marshal(data)
	if err != nil {
		return app.WebhookFact{}, fmt.Errorf("events: payload of %s: %w", eventType, err)
	}
	return app.WebhookFact{
		Tenant:     ids.Tenant{ProjectID: event.GetProjectId(), BranchID: event.GetBranchId()},
		EventType:  eventType,
		Data:       text,
		Resource:   event.GetAggregate(),
		Version:    event.GetAggregateVersion(),
		OccurredAt: event.GetOccurredAt().AsTime(),
	}, nil
}
