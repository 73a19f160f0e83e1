package grpcapi

import (
	"context"

	"google.golang.org/genproto/googleapis/api/httpbody"

	notificationsv1 "vestibule.dev/proto/notifications/v1"
	"vestibule.dev/services/notifications/internal/app"
)

// Preferences implements notificationsv1.NotificationPreferenceServiceServer.
type Preferences struct {
	notificationsv1.UnimplementedNotificationPreferenceServiceServer
	app *app.App
}

// ListNotificationPreferences implements
// notificationsv1.NotificationPreferenceServiceServer.
func (s *Preferences) ListNotificationPreferences(ctx context.Context, req *notificationsv1.ListNotificationPreferencesRequest) (*notificationsv1.ListNotificationPreferencesResponse, error) {
	preferences, err := s.app.ListNotificationPreferences(ctx, req.GetUserId())
	if err != nil {
		return nil, err
	}
	res := &notificationsv1.ListNotificationPreferencesResponse{}
	for _, preference := range preferences {
		res.Items = append(res.Items, preferenceMessage(preference))
	}
	return res, nil
}

// UpdateNotificationPreference implements
// notificationsv1.NotificationPreferenceServiceServer.
func (s *Preferences) UpdateNotificationPreference(ctx context.Context, req *notificationsv1.UpdateNotificationPreferenceRequest) (*notificationsv1.NotificationPreference, error) {
	preference, err := s.app.UpdateNotificationPreference(ctx, req.GetUserId(), req.GetNotificationCategoryId(), req.GetPreference().GetEnabled())
	if err != nil {
		return nil, err
	}
	return preferenceMessage(*preference), nil
}

func preferenceMessage(preference app.NotificationPreference) *notificationsv1.NotificationPreference {
	return &notificationsv1.NotificationPreference{
		NotificationCategoryId:   preference.ID,
		NotificationCategoryName: preference.Name,
		Enabled:                  preference.Enabled,
		CanDisable:               preference.CanDisable,
	}
}

// Unsubscribe implements notificationsv1.NotificationPreferenceServiceServer.
func (s *Preferences) Unsubscribe(ctx context.Context, req *notificationsv1.UnsubscribeRequest) (*httpbody.HttpBody, error) {
	again, err := s.app.Unsubscribe(ctx, req.GetCode())
	if err != nil {
		return nil, err
	}
	page := unsubscribedPage
	if again {
		page = unsubscribedBeforePage
	}
	return &httpbody.HttpBody{ContentType: "text/html; charset=utf-8", Data: page}, nil
}
