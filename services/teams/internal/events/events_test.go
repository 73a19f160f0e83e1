package events

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/ids"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
)

var tenant = ids.Tenant{ProjectID: "p", BranchID: "main"}

func TestEncode_facts_haveSubjectAndPayload(t *testing.T) {
	membership := domain.Membership{Tenant: tenant, TeamID: "t", UserID: "u"}
	team := domain.Team{Tenant: tenant, ID: "t", DisplayName: "Crew", Version: 3, CreatedAt: time.UnixMilli(1)}
	for subject, tt := range map[string]struct {
		event     app.Event
		aggregate string
		version   int64
		payload   proto.Message
	}{
		"teams.v1.team.deleted.p": {
			app.TeamDeleted{Tenant: tenant, TeamID: "t", Version: 4, UserIDs: []string{"u"}}, "team/t", 4,
			&eventsv1.TeamDeleted{TeamId: "t", UserIds: []string{"u"}},
		},
		"teams.v1.membership.created.p": {app.MembershipCreated{Membership: membership}, "membership/t/u", 0, &eventsv1.TeamMembershipCreated{TeamId: "t", UserId: "u"}},
		"teams.v1.membership.deleted.p": {app.MembershipDeleted{Membership: membership}, "membership/t/u", 0, &eventsv1.TeamMembershipDeleted{TeamId: "t", UserId: "u"}},
		"teams.v1.team_permission.created.p": {
			app.TeamPermissionCreated{Membership: membership, PermissionID: "x"}, "team_permission/t/u", 0,
			&eventsv1.TeamPermissionCreated{Id: "x", TeamId: "t", UserId: "u"},
		},
		"teams.v1.team_permission.deleted.p": {
			app.TeamPermissionDeleted{Membership: membership, PermissionID: "x"}, "team_permission/t/u", 0,
			&eventsv1.TeamPermissionDeleted{Id: "x", TeamId: "t", UserId: "u"},
		},
		"teams.v1.project_permission.created.p": {
			app.ProjectPermissionCreated{Tenant: tenant, UserID: "u", PermissionID: "x"}, "project_permission/u", 0,
			&eventsv1.ProjectPermissionCreated{Id: "x", UserId: "u"},
		},
		"teams.v1.project_permission.deleted.p": {
			app.ProjectPermissionDeleted{Tenant: tenant, UserID: "u", PermissionID: "x"}, "project_permission/u", 0,
			&eventsv1.ProjectPermissionDeleted{Id: "x", UserId: "u"},
		},
		"teams.v1.team.created.p": {app.TeamCreated{Team: team, CreatorUserID: "u"}, "team/t", 3, nil},
		"teams.v1.team.updated.p": {app.TeamUpdated{Team: team}, "team/t", 3, nil},
	} {
		envelope, err := Encode(t.Context(), tt.event)
		if err != nil {
			t.Errorf("%s: %v", subject, err)
			continue
		}
		if envelope.GetSubject() != subject || envelope.GetAggregate() != tt.aggregate || envelope.GetAggregateVersion() != tt.version || envelope.GetBranchId() != "main" {
			t.Errorf("%s: %v", subject, envelope)
		}
		message := envelope.ProtoReflect()
		field := message.WhichOneof(message.Descriptor().Oneofs().ByName("payload"))
		if field == nil {
			t.Errorf("%s has no payload", subject)
			continue
		}
		payload := message.Get(field).Message().Interface()
		if tt.payload != nil && !proto.Equal(payload, tt.payload) {
			t.Errorf("%s carries %v, want %v", subject, payload, tt.payload)
		}
	}
}

// asked records what a subscription makes of an event.
type asked struct {
	app.Store
	app.Tx

	end       app.PermissionEnd
	endTenant ids.Tenant
	purged    string
}

func (a *asked) RunTx(ctx context.Context, fn func(context.Context, app.Tx) error) error {
	return fn(ctx, a)
}

func (a *asked) EndPermission(_ context.Context, tenant ids.Tenant, end app.PermissionEnd) error {
	a.endTenant, a.end = tenant, end
	return nil
}

func (a *asked) PurgeProject(_ context.Context, projectID string) error {
	a.purged = projectID
	return nil
}

func TestSubscriptions_configChanged_endsThePermission(t *testing.T) {
	store := &asked{}
	handle := Subscriptions(app.New(app.Deps{Store: store}))[0].Handle
	changed := &eventsv1.ProjectConfigChanged{ProjectId: "p", Level: "environment", Version: 7}
	event := &eventsv1.Envelope{ProjectId: "p", BranchId: "main", Payload: &eventsv1.Envelope_ProjectConfigChanged{ProjectConfigChanged: changed}}
	if err := handle(t.Context(), event); err != nil || store.end != (app.PermissionEnd{}) {
		t.Errorf("another change: %+v, %v", store.end, err)
	}
	changed.EndedPermissionId, changed.RenamedPermissionId = "old", "new"
	if err := handle(t.Context(), event); err != nil || store.endTenant != tenant ||
		store.end != (app.PermissionEnd{PermissionID: "old", RenamedTo: "new", Version: 7}) {
		t.Errorf("%+v in %v, %v", store.end, store.endTenant, err)
	}
	if err := handle(t.Context(), &eventsv1.Envelope{Payload: &eventsv1.Envelope_ProjectDeleted{
		ProjectDeleted: &eventsv1.ProjectDeleted{ProjectId: "q"},
	}}); err != nil || store.purged != "q" {
		t.Errorf("purged %q, %v", store.purged, err)
	}
}
