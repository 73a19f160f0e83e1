package service

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	notificationsv1 "vestibule.dev/proto/notifications/v1"
)

// mailbox is a notifications context that keeps what it was given last.
type mailbox struct {
	notificationsv1.UnimplementedEmailInternalServiceServer

	got *notificationsv1.EnqueueEmailRequest
	err error
}

func (m *mailbox) EnqueueEmail(_ context.Context, req *notificationsv1.EnqueueEmailRequest) (*notificationsv1.EnqueueEmailResponse, error) {
	m.got = req
	return &notificationsv1.EnqueueEmailResponse{}, m.err
}

func TestEnqueueAt_mail_isHandedOverWhole(t *testing.T) {
	box := &mailbox{}
	server := grpctest.New(t, "notifications", func(r grpc.ServiceRegistrar) {
		notificationsv1.RegisterEmailInternalServiceServer(r, box)
	})
	for _, caller := range []string{"identity", "sessions", "teams", "payments"} {
		deliver := enqueueAt(notificationsv1.NewEmailInternalServiceClient(server.Caller(caller)))
		err := deliver(t.Context(), courier.Mail{
			ID: caller, Tenant: ids.Tenant{ProjectID: "internal", BranchID: "main"}, Template: "team_invitation",
			ToUserID: "u", ToEmails: []string{"ada@example.com"}, Variables: map[string]string{"a": "b"}, SkipDeliverabilityCheck: true,
		})
		want := &notificationsv1.EnqueueEmailRequest{
			Id: caller, ProjectId: "internal", BranchId: "main", Template: "team_invitation",
			UserId: "u", Emails: []string{"ada@example.com"}, Variables: map[string]string{"a": "b"}, SkipDeliverabilityCheck: true,
		}
		if err != nil || !proto.Equal(box.got, want) {
			t.Errorf("handed over %v, %v; want %v", box.got, err, want)
		}
	}
	box.err = apierr.Unavailable(0)
	deliver := enqueueAt(notificationsv1.NewEmailInternalServiceClient(server.Caller("teams")))
	if err := deliver(t.Context(), courier.Mail{ID: "m", Tenant: ids.Tenant{ProjectID: "internal", BranchID: "main"}}); err == nil {
		t.Error("a refused mail counts as handed over")
	}
}
