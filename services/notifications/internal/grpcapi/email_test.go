package grpcapi_test

import (
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/grpcx"
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

// Each failed mail is listed once for each owner, and who does not ask for a dry
// run gets another status.
func TestListFailedEmails_mailsTimesOwners(t *testing.T) {
	s := newServer(t)
	operations := notificationsv1.NewEmailOperationServiceClient(s.Conn)
	nobody := grpctest.As(t.Context(), principal.Principal{})
	list := func(dryRun *string) (*notificationsv1.ListFailedEmailsResponse, []string) {
		t.Helper()
		var header metadata.MD
		res, err := operations.ListFailedEmails(nobody,
			&notificationsv1.ListFailedEmailsRequest{Authorization: "Bearer s3cret", DryRun: dryRun}, grpc.Header(&header))
		if err != nil {
			t.Fatal(err)
		}
		return res, header.Get(grpcx.HeaderHTTPStatus)
	}
	if res, status := list(nil); !res.GetSuccess() || len(res.GetFailedEmailsByTenancy()) != 0 || status != nil {
		t.Errorf("without failures: %v, %v", res, status)
	}
	for range 2 {
		if _, err := notificationsv1.NewEmailInternalServiceClient(s.Caller("teams")).EnqueueEmail(t.Context(), &notificationsv1.EnqueueEmailRequest{
			Id: ids.NewUUID(), ProjectId: "p", BranchId: "main", Template: "password_reset", UserId: s.user,
			Variables: map[string]string{"passwordResetLink": "https://example.com?code=1"},
		}); err != nil {
			t.Fatal(err)
		}
	}
	s.exec(t, `UPDATE emails SET render_worker_id = gen_random_uuid(), started_rendering_at = now(), finished_rendering_at = now(), render_error = '{"external_message":"x"}'`)
	res, status := list(new("true"))
	if !res.GetSuccess() || status != nil || len(res.GetFailedEmailsByTenancy()) != 1 {
		t.Fatalf("a dry run: %v, %v", res, status)
	}
	of := res.GetFailedEmailsByTenancy()[0]
	if len(of.GetEmails()) != 4 || len(of.GetTenantOwnerEmails()) != 4 || of.GetProjectId() != "p" || of.GetTenancyId() != "p/main" ||
		of.GetEmails()[0].GetSubject() != "(rendering failed)" || of.GetEmails()[0].GetTo()[0] != "User ID: "+s.user {
		t.Errorf("of the tenancy: %v", of)
	}
	if res, status := list(new("1")); res.GetSuccess() || len(res.GetFailedEmailsByTenancy()) != 1 || !slices.Equal(status, []string{"500"}) {
		t.Errorf("no dry run: %v, %v", res, status)
	}
}
