package grpcapi_test

import (
	"context"
	"strings"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	notificationsv1 "vestibule.dev/proto/notifications/v1"
)

const marketing = "4f6f8873-3d04-46bd-8bef-18338b1a1b4c"

func caller(ctx context.Context, access principal.Access, userID string) context.Context {
	return grpctest.As(ctx, principal.Principal{ProjectID: "p", BranchID: "main", Access: access, UserID: userID})
}

func TestNotificationPreferenceService_readAndChange(t *testing.T) {
	f := newServer(t)
	preferences := notificationsv1.NewNotificationPreferenceServiceClient(f.Conn)
	ctx := caller(t.Context(), principal.AccessClient, f.user)
	list := func() string {
		t.Helper()
		res, err := preferences.ListNotificationPreferences(ctx, &notificationsv1.ListNotificationPreferencesRequest{UserId: f.user})
		if err != nil || res.GetIsPaginated() {
			t.Fatal(err)
		}
		var on []string
		for _, item := range res.GetItems() {
			if item.GetEnabled() {
				on = append(on, item.GetNotificationCategoryName())
			}
		}
		return strings.Join(on, " ")
	}
	if got := list(); got != "Transactional Marketing" {
		t.Errorf("at first %q are on", got)
	}
	changed, err := preferences.UpdateNotificationPreference(ctx, &notificationsv1.UpdateNotificationPreferenceRequest{
		UserId: f.user, NotificationCategoryId: marketing, Preference: &notificationsv1.NotificationPreferenceChange{},
	})
	if err != nil || changed.GetNotificationCategoryId() != marketing || changed.GetEnabled() || !changed.GetCanDisable() {
		t.Errorf("%v, %v", changed, err)
	}
	if got := list(); got != "Transactional" {
		t.Errorf("afterwards %q are on", got)
	}
	for _, bad := range []*notificationsv1.UpdateNotificationPreferenceRequest{
		{UserId: "x", NotificationCategoryId: marketing, Preference: &notificationsv1.NotificationPreferenceChange{}},
		{UserId: f.user, NotificationCategoryId: "Marketing", Preference: &notificationsv1.NotificationPreferenceChange{}},
		{UserId: f.user, NotificationCategoryId: marketing},
	} {
		if _, err := preferences.UpdateNotificationPreference(ctx, bad); !apierr.HasCode(err, apierr.CodeSchemaError) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestUnsubscribe_answersWithPages(t *testing.T) {
	f := newServer(t)
	preferences := notificationsv1.NewNotificationPreferenceServiceClient(f.Conn)
	nobody := grpctest.As(t.Context(), principal.Principal{})
	code := f.unsubscribeCode(t)
	for _, want := range []string{"no more mails", "had unsubscribed"} {
		page, err := preferences.Unsubscribe(nobody, &notificationsv1.UnsubscribeRequest{Code: code})
		if err != nil || !strings.HasPrefix(page.GetContentType(), "text/html") || !strings.Contains(string(page.GetData()), want) {
			t.Errorf("%v, %v, want %q", page, err, want)
		}
	}
	if _, err := preferences.Unsubscribe(nobody, &notificationsv1.UnsubscribeRequest{Code: ids.Secret()}); !apierr.HasCode(err, apierr.CodeVerificationCodeNotFound) {
		t.Errorf("an unknown code is answered by %v", err)
	}
}
