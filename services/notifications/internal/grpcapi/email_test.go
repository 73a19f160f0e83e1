package grpcapi_test

import (
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	notificationsv1 "vestibule.dev/proto/notifications/v1"
)

// seen is an answer as the gateway renders it.
func seen(t *testing.T, email *notificationsv1.OutboxEmail) map[string]any {
	t.Helper()
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(email)
	if err != nil {
		t.Fatal(err)
	}
	var object structpb.Struct
	if err := protojson.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	return object.AsMap()
}

func TestEmailService_outboxOfOneMail(t *testing.T) {
	s := newServer(t)
	emails := notificationsv1.NewEmailServiceClient(s.Conn)
	ctx := caller(t.Context(), principal.AccessServer, "")
	id := ids.NewUUID()
	if _, err := notificationsv1.NewEmailInternalServiceClient(s.Caller("teams")).EnqueueEmail(t.Context(), &notificationsv1.EnqueueEmailRequest{
		Id: id, ProjectId: "p", BranchId: "main", Template: "password_reset", UserId: s.user,
		Variables: map[string]string{"passwordResetLink": "https://example.com?code=1"},
	}); err != nil {
		t.Fatal(err)
	}
	list, err := emails.ListOutboxEmails(ctx, &notificationsv1.ListOutboxEmailsRequest{Status: new("preparing"), SimpleStatus: new("in-progress")})
	if err != nil || len(list.GetItems()) != 1 || !list.GetIsPaginated() || list.GetPagination().GetNextCursor() != nil {
		t.Fatalf("%v, %v", list, err)
	}
	if none, err := emails.ListOutboxEmails(ctx, &notificationsv1.ListOutboxEmailsRequest{Status: new("preparing"), SimpleStatus: new("ok")}); err != nil || len(none.GetItems()) != 0 {
		t.Errorf("%v, %v", none, err)
	}
	first := seen(t, list.GetItems()[0])
	for _, key := range []string{"email_draft_id", "next_send_retry_at_millis", "send_attempt_errors"} {
		if value, exists := first[key]; !exists || value != nil {
			t.Errorf("%s is %v", key, value)
		}
	}
	for _, key := range []string{"html", "subject", "notification_category_id", "server_error", "skipped_details", "delivered_at_millis"} {
		if _, exists := first[key]; exists {
			t.Errorf("a mail that is prepared has %s", key)
		}
	}
	if to := first["to"].(map[string]any); to["type"] != "user-primary-email" || to["user_id"] != s.user || len(to) != 2 {
		t.Errorf("the recipient is %v", to)
	}
	changed, err := emails.UpdateOutboxEmail(ctx, &notificationsv1.UpdateOutboxEmailRequest{EmailId: id, To: &notificationsv1.EmailRecipient{
		Type: "custom-emails", Emails: []string{"b@example.com"},
	}, ThemeId: structpb.NewBoolValue(false)})
	if err != nil || changed.GetThemeId() != nil || seen(t, changed)["to"].(map[string]any)["emails"].([]any)[0] != "b@example.com" {
		t.Errorf("%v, %v", changed, err)
	}
	cancelled, err := emails.UpdateOutboxEmail(ctx, &notificationsv1.UpdateOutboxEmailRequest{EmailId: id, Cancel: new(true)})
	if err != nil || cancelled.GetStatus() != "skipped" || cancelled.SkippedDetails == nil || cancelled.GetHasRendered() {
		t.Errorf("%v, %v", cancelled, err)
	}
	if _, err := emails.UpdateOutboxEmail(ctx, &notificationsv1.UpdateOutboxEmailRequest{EmailId: id}); !apierr.HasCode(err, apierr.CodeEmailNotEditable) {
		t.Errorf("%v", err)
	}
	for _, bad := range []*notificationsv1.UpdateOutboxEmailRequest{
		{EmailId: "x"}, {EmailId: id, ThemeId: structpb.NewStringValue("x")}, {EmailId: id, Cancel: new(false)},
		{EmailId: id, To: &notificationsv1.EmailRecipient{Type: "user-primary-email"}},
		{EmailId: id, To: &notificationsv1.EmailRecipient{Type: "custom-emails", Emails: []string{"a@b\r\nBcc: c@d.example"}}},
	} {
		if _, err := emails.UpdateOutboxEmail(ctx, bad); !apierr.HasCode(err, apierr.CodeSchemaError) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if _, err := emails.GetEmailDeliveryInfo(caller(t.Context(), principal.AccessClient, s.user), &notificationsv1.GetEmailDeliveryInfoRequest{}); err == nil {
		t.Error("a client reads delivery information")
	}
}
