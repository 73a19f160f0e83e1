package grpcapi_test

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"testing"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/secret"
	eventsv1 "vestibule.dev/proto/events/v1"
	notificationsv1 "vestibule.dev/proto/notifications/v1"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/events"
	"vestibule.dev/services/notifications/internal/grpcapi"
	"vestibule.dev/services/notifications/internal/postgres"
	"vestibule.dev/services/notifications/migrations"
)

type configs struct{}

func (configs) Get(context.Context, ids.Tenant, int64) (*projectconfig.Config, error) {
	return &projectconfig.Config{DisplayName: "P"}, nil
}

func TestEnqueueEmail_callers_andEventsThatFollow(t *testing.T) {
	db := pgtest.New(t, outbox.Migrations(), migrations.Source())
	ring, err := secret.ParseKeyRing(secret.Secret("k:" + base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	application := app.New(app.Config{}, app.Ports{
		Store: postgres.NewStore(db, secret.NewBox(ring), events.Encode), Configs: configs{}, Logger: slog.New(slog.DiscardHandler),
	})
	server := grpctest.New(t, "notifications", func(r grpc.ServiceRegistrar) {
		grpcapi.RegisterEmails(r, application)
	})
	count := func() (n int) {
		t.Helper()
		if err := db.Querier(t.Context()).QueryRow(t.Context(), "SELECT count(*) FROM emails").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	request := &notificationsv1.EnqueueEmailRequest{
		Id: ids.NewUUID(), ProjectId: "p", BranchId: "main", Template: "password_reset", Emails: []string{"ada@example.com"},
		Variables: map[string]string{"passwordResetLink": "https://example.com?code=1"},
	}
	for _, caller := range []string{"gateway", "notifications", "stranger"} {
		if _, err := notificationsv1.NewEmailInternalServiceClient(server.Caller(caller)).EnqueueEmail(t.Context(), request); err == nil {
			t.Errorf("%s may queue mail", caller)
		}
	}
	for _, caller := range []string{"identity", "sessions", "teams", "payments"} {
		if _, err := notificationsv1.NewEmailInternalServiceClient(server.Caller(caller)).EnqueueEmail(t.Context(), request); err != nil {
			t.Errorf("%s: %v", caller, err)
		}
	}
	if n := count(); n != 1 {
		t.Errorf("%d mails are queued, want 1", n)
	}
	request.Template = "newsletter"
	_, err = notificationsv1.NewEmailInternalServiceClient(server.Caller("teams")).EnqueueEmail(t.Context(), request)
	var known *apierr.Error
	if !errors.As(err, &known) || known.Code != apierr.CodeSchemaError {
		t.Errorf("an unknown template is answered by %v", err)
	}

	subscription := events.Subscriptions(application)[0]
	for _, event := range []*eventsv1.Envelope{
		{ProjectId: "p", BranchId: "main", Payload: &eventsv1.Envelope_UserDeleted{UserDeleted: &eventsv1.UserDeleted{UserId: ids.NewUUID()}}},
		{ProjectId: "internal", Payload: &eventsv1.Envelope_ProjectDeleted{ProjectDeleted: &eventsv1.ProjectDeleted{ProjectId: "q"}}},
	} {
		if err := subscription.Handle(t.Context(), event); err != nil || count() != 1 {
			t.Errorf("%T: %v, %d mails are left", event.GetPayload(), err, count())
		}
	}
	purge := &eventsv1.Envelope{ProjectId: "p", Payload: &eventsv1.Envelope_ProjectDeleted{ProjectDeleted: &eventsv1.ProjectDeleted{ProjectId: "p"}}}
	if err := subscription.Handle(t.Context(), purge); err != nil || count() != 0 {
		t.Errorf("after the project was deleted %d mails are left, %v", count(), err)
	}
}
