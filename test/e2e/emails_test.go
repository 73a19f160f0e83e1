package e2e

import (
	"net/http"
	"testing"

	"vestibule.dev/test/client"
)

const marketing = "4f6f8873-3d04-46bd-8bef-18338b1a1b4c"

func TestNotificationPreferences_ofOneself_areReadAndChanged(t *testing.T) {
	_, tokens, me := signUp(t, dev)
	list := func(c *client.Client, userID string) []any {
		t.Helper()
		answer := succeed(t, c, http.MethodGet, "/emails/notification-preference/"+userID, nil)
		if answer["is_paginated"] != false {
			t.Errorf("the list is %v", answer)
		}
		return answer["items"].([]any)
	}
	items := list(me, "me")
	if len(items) != 2 || items[0].(map[string]any)["notification_category_name"] != "Transactional" || items[1].(map[string]any)["enabled"] != true {
		t.Errorf("a fresh user has %v", items)
	}
	changed := succeed(t, me, http.MethodPatch, "/emails/notification-preference/me/"+marketing, map[string]any{"enabled": false})
	if changed["enabled"] != false || changed["can_disable"] != true || changed["notification_category_id"] != marketing {
		t.Errorf("the change is answered by %v", changed)
	}
	server := client.For(proxyURL, dev, client.Server)
	if items := list(server, tokens.UserID); items[1].(map[string]any)["enabled"] != false {
		t.Errorf("the server sees %v", items)
	}
	refuse(t, visitor(dev), http.MethodGet, "/emails/notification-preference/me", nil, "CANNOT_GET_OWN_USER_WITHOUT_USER")
	refuse(t, visitor(dev), http.MethodGet, "/emails/notification-preference/"+tokens.UserID, nil, "USER_AUTHENTICATION_REQUIRED")
	refuse(t, me, http.MethodPatch, "/emails/notification-preference/me/"+marketing, map[string]any{"enabled": true, "more": 1}, "SCHEMA_ERROR")
	if response := call(t, me, http.MethodPatch, "/emails/notification-preference/me/"+tokens.UserID, map[string]any{"enabled": true}); response.Status != http.StatusNotFound || response.Code() != "" {
		t.Errorf("an unknown category is answered by %s", response)
	}
}
