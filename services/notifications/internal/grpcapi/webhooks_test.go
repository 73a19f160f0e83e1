package grpcapi_test

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	eventsv1 "vestibule.dev/proto/events/v1"
	notificationsv1 "vestibule.dev/proto/notifications/v1"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/deliverer"
	"vestibule.dev/services/notifications/internal/events"
	"vestibule.dev/services/notifications/internal/grpcapi"
	"vestibule.dev/services/notifications/internal/postgres"
	"vestibule.dev/services/notifications/migrations"
)

func TestWebhookService_lifeOfAnEndpoint(t *testing.T) {
	db := pgtest.New(t, outbox.Migrations(), migrations.Source())
	ring, err := secret.ParseKeyRing(secret.Secret("k:" + base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	application := app.New(app.Config{}, app.Ports{
		Store: postgres.NewStore(db, secret.NewBox(ring), events.Encode), Configs: configs{}, Clock: clock.System(), Logger: slog.New(slog.DiscardHandler),
		Receivers: deliverer.New(deliverer.Config{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, clock.System()),
	})
	server := grpctest.New(t, "notifications", func(r grpc.ServiceRegistrar) { grpcapi.RegisterWebhooks(r, application) })
	hooks := notificationsv1.NewWebhookServiceClient(server.Conn)
	for _, access := range []principal.Access{principal.AccessClient, principal.AccessServer} {
		caller := grpctest.As(t.Context(), principal.Principal{ProjectID: "p", BranchID: "main", Access: access})
		if _, err := hooks.ListWebhookEndpoints(caller, &notificationsv1.ListWebhookEndpointsRequest{}); err == nil {
			t.Errorf("%s may list endpoints", access)
		}
	}
	admin := grpctest.As(t.Context(), principal.Principal{ProjectID: "p", BranchID: "main", Access: principal.AccessAdmin})

	created, err := hooks.CreateWebhookEndpoint(admin, &notificationsv1.CreateWebhookEndpointRequest{Url: "https://hooks.example.com", FilterTypes: []string{"team.created"}})
	if err != nil || created.GetDisabled() || len(created.GetFilterTypes()) != 1 || created.GetCreatedAtMillis() < 1e12 {
		t.Fatalf("created %v, %v", created, err)
	}
	update := func(patch *notificationsv1.WebhookEndpointPatch, paths ...string) *notificationsv1.WebhookEndpoint {
		t.Helper()
		endpoint, err := hooks.UpdateWebhookEndpoint(admin, &notificationsv1.UpdateWebhookEndpointRequest{
			EndpointId: created.GetId(), Endpoint: patch, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
		})
		if err != nil {
			t.Fatal(err)
		}
		return endpoint
	}
	if endpoint := update(&notificationsv1.WebhookEndpointPatch{Description: new("mine")}, "description"); endpoint.GetDescription() != "mine" || len(endpoint.GetFilterTypes()) != 1 {
		t.Errorf("described %v", endpoint)
	}
	if endpoint := update(&notificationsv1.WebhookEndpointPatch{Disabled: new(true)}, "filter_types", "disabled"); len(endpoint.GetFilterTypes()) != 0 || !endpoint.GetDisabled() {
		t.Errorf("for all types %v", endpoint)
	}
	rotated, err := hooks.RotateWebhookSecret(admin, &notificationsv1.RotateWebhookSecretRequest{EndpointId: created.GetId()})
	if err != nil || rotated.GetSecret() == created.GetSecret() {
		t.Errorf("rotated %v", err)
	}

	// What the streams tell becomes messages, in the form of the contract.
	user, err := structpb.NewStruct(map[string]any{"id": "u", "server_metadata": nil, "signed_up_at_millis": 1700000000000})
	if err != nil {
		t.Fatal(err)
	}
	team, err := structpb.NewStruct(map[string]any{"id": "t"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		event *eventsv1.Envelope
		want  string
	}{
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_UserCreated{UserCreated: &eventsv1.UserCreated{UserId: "u", User: user}}},
			`{"type":"user.created","data":{"id":"u","server_metadata":null,"signed_up_at_millis":1700000000000}}`},
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_UserUpdated{UserUpdated: &eventsv1.UserUpdated{UserId: "u", User: user}}},
			`{"type":"user.updated","data":{"id":"u","server_metadata":null,"signed_up_at_millis":1700000000000}}`},
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_UserDeleted{UserDeleted: &eventsv1.UserDeleted{UserId: "u", TeamIds: []string{"t", "s"}}}},
			`{"type":"user.deleted","data":{"id":"u","teams":[{"id":"t"},{"id":"s"}]}}`},
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_UserDeleted{UserDeleted: &eventsv1.UserDeleted{UserId: "u"}}},
			`{"type":"user.deleted","data":{"id":"u","teams":[]}}`},
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_TeamCreated{TeamCreated: &eventsv1.TeamCreated{TeamId: "t", Team: team}}},
			`{"type":"team.created","data":{"id":"t"}}`},
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_TeamUpdated{TeamUpdated: &eventsv1.TeamUpdated{TeamId: "t", Team: team}}},
			`{"type":"team.updated","data":{"id":"t"}}`},
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_TeamMembershipDeleted{TeamMembershipDeleted: &eventsv1.TeamMembershipDeleted{TeamId: "t", UserId: "u"}}},
			`{"type":"team_membership.deleted","data":{"team_id":"t","user_id":"u"}}`},
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_TeamMembershipCreated{TeamMembershipCreated: &eventsv1.TeamMembershipCreated{TeamId: "t", UserId: "u"}}},
			`{"type":"team_membership.created","data":{"team_id":"t","user_id":"u"}}`},
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_TeamDeleted{TeamDeleted: &eventsv1.TeamDeleted{TeamId: "t", UserIds: []string{"u"}}}},
			`{"type":"team.deleted","data":{"id":"t"}}`},
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_TeamPermissionCreated{TeamPermissionCreated: &eventsv1.TeamPermissionCreated{Id: "p", TeamId: "t", UserId: "u"}}},
			`{"type":"team_permission.created","data":{"id":"p","team_id":"t","user_id":"u"}}`},
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_TeamPermissionDeleted{TeamPermissionDeleted: &eventsv1.TeamPermissionDeleted{Id: "p", TeamId: "t", UserId: "u"}}},
			`{"type":"team_permission.deleted","data":{"id":"p","team_id":"t","user_id":"u"}}`},
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_ProjectPermissionCreated{ProjectPermissionCreated: &eventsv1.ProjectPermissionCreated{Id: "p", UserId: "u"}}},
			`{"type":"project_permission.created","data":{"id":"p","user_id":"u"}}`},
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_ProjectPermissionDeleted{ProjectPermissionDeleted: &eventsv1.ProjectPermissionDeleted{Id: "p", UserId: "u"}}},
			`{"type":"project_permission.deleted","data":{"id":"p","user_id":"u"}}`},
		{&eventsv1.Envelope{Payload: &eventsv1.Envelope_PasswordChanged{PasswordChanged: &eventsv1.PasswordChanged{UserId: "u"}}}, ""},
	} {
		tt.event.ProjectId, tt.event.BranchId, tt.event.Aggregate, tt.event.OccurredAt = "p", "main", "thing/1", timestamppb.Now()
		if err := events.WebhookSubscriptions(application)[0].Handle(t.Context(), tt.event); err != nil {
			t.Fatal(err)
		}
		list, err := hooks.ListWebhookMessages(admin, &notificationsv1.ListWebhookMessagesRequest{Limit: new(int32(1))})
		if err != nil {
			t.Fatal(err)
		}
		if tt.want == "" {
			continue
		}
		var want any
		if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
			t.Fatal(err)
		}
		got := list.GetItems()[0].GetPayload().AsInterface()
		gotText, _ := json.Marshal(got)
		wantText, _ := json.Marshal(want)
		if string(gotText) != string(wantText) {
			t.Errorf("payload %s, want %s", gotText, wantText)
		}
	}
	list, err := hooks.ListWebhookMessages(admin, &notificationsv1.ListWebhookMessagesRequest{})
	if err != nil || len(list.GetItems()) != 13 || list.GetPagination().GetNextCursor() != nil || !list.GetIsPaginated() {
		t.Errorf("%d messages, %v", len(list.GetItems()), err)
	}
	first := list.GetItems()[0]
	if d := first.GetDeliveries(); len(d) != 1 || d[0].GetStatus() != "pending" || d[0].GetNextAttemptAtMillis() != nil {
		t.Errorf("deliveries %v", d)
	}
	replayed, err := hooks.ReplayWebhookMessages(admin, &notificationsv1.ReplayWebhookMessagesRequest{EndpointId: created.GetId(), UntilMillis: new(float64(time.Now().Add(time.Hour).UnixMilli()))})
	if err != nil || replayed.GetMessages() != 13 {
		t.Errorf("replayed %v, %v", replayed, err)
	}
	tested, err := hooks.SendTestWebhook(admin, &notificationsv1.SendTestWebhookRequest{EndpointId: created.GetId()})
	if err != nil || tested.GetSuccess() || tested.GetErrorMessage() == "" {
		t.Errorf("tested %v, %v", tested, err)
	}
	if _, err := hooks.DeleteWebhookEndpoint(admin, &notificationsv1.DeleteWebhookEndpointRequest{EndpointId: created.GetId()}); err != nil {
		t.Error(err)
	}
	_, err = hooks.GetWebhookEndpoint(admin, &notificationsv1.GetWebhookEndpointRequest{EndpointId: created.GetId()})
	if status.Code(err) == codes.OK || apierr.HasCode(err, apierr.CodeSchemaError) {
		t.Errorf("deleted: %v", err)
	}
}
