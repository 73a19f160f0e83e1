package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

// backend is a project's own server.
func backend(project stack.Project) *client.Client {
	return client.For(proxyURL, project, client.Server)
}

// items are the members of a list.
func items(t *testing.T, list map[string]any) []map[string]any {
	t.Helper()
	found, ok := list["items"].([]any)
	if !ok {
		t.Fatalf("no list: %v", list)
	}
	objects := make([]map[string]any, 0, len(found))
	for _, item := range found {
		object, _ := item.(map[string]any)
		objects = append(objects, object)
	}
	return objects
}

// each returns one field of all members of a list.
func each(t *testing.T, list map[string]any, field string) (values []string) {
	t.Helper()
	for _, item := range items(t, list) {
		values = append(values, fmt.Sprint(item[field]))
	}
	return values
}

// Everybody gets what the configuration gives new users, at once.
func TestTeams_newUser_startsWithDefaults(t *testing.T) {
	project := newProject(t, map[string]any{"create_team_on_sign_up": true, "user_default_permissions": []any{map[string]any{"id": "beta"}}})
	admin := client.For(proxyURL, project, client.Admin)
	succeed(t, admin, http.MethodPost, "/project-permission-definitions", map[string]any{"id": "beta"})
	_, tokens, me := signUp(t, project)

	teams := succeed(t, me, http.MethodGet, "/teams?user_id=me", nil)
	if names := each(t, teams, "display_name"); len(names) != 1 || !strings.HasSuffix(names[0], "'s Team") {
		t.Fatalf("teams %v", teams)
	}
	teamID := each(t, teams, "id")[0]
	held := each(t, succeed(t, me, http.MethodGet, "/team-permissions?user_id=me&recursive=true&team_id="+teamID, nil), "id")
	if want := []string{
		"$delete_team", "$invite_members", "$manage_api_keys", "$read_members", "$remove_members", "$update_team", "team_admin",
	}; !slices.Equal(held, want) {
		t.Errorf("the creator holds %q, want %q", held, want)
	}
	if held := each(t, succeed(t, me, http.MethodGet, "/project-permissions?user_id="+tokens.UserID, nil), "id"); !slices.Equal(held, []string{"beta"}) {
		t.Errorf("outside teams %q", held)
	}
}

func TestTeams_lists_havePages(t *testing.T) {
	project := newProject(t, nil)
	server := backend(project)
	var all []string
	for i := range 5 {
		team := succeed(t, server, http.MethodPost, "/teams", map[string]any{"display_name": fmt.Sprintf("Team %d", i)})
		all = append(all, fmt.Sprint(team["id"]))
	}
	if got := succeed(t, server, http.MethodGet, "/teams", nil); !slices.Equal(each(t, got, "id"), all) || got["is_paginated"] != false || got["pagination"] != nil {
		t.Errorf("all %v", got)
	}
	page := succeed(t, server, http.MethodGet, "/teams?limit=3&desc=true", nil)
	next, _ := page["pagination"].(map[string]any)
	if !slices.Equal(each(t, page, "id"), []string{all[4], all[3], all[2]}) || next["next_cursor"] != all[1] {
		t.Errorf("first page %v", page)
	}
	page = succeed(t, server, http.MethodGet, "/teams?limit=3&desc=true&cursor="+all[1], nil)
	next, _ = page["pagination"].(map[string]any)
	if last, there := next["next_cursor"]; !slices.Equal(each(t, page, "id"), []string{all[1], all[0]}) || !there || last != nil {
		t.Errorf("last page %v", page)
	}
	succeed(t, server, http.MethodGet, "/teams?limit=2147483647", nil)
	for _, query := range []string{"limit=0", "limit=x", "order_by=name", "desc=yes", "cursor=x&limit=1", "cursor=" + all[0], "unknown=1"} {
		refuse(t, server, http.MethodGet, "/teams?"+query, nil, "SCHEMA_ERROR")
	}
	// All operations of a resource share one query.
	succeed(t, server, http.MethodGet, "/teams/"+all[0]+"?limit=3&user_id=me&query=x", nil)
	refuse(t, server, http.MethodGet, "/teams/"+all[0]+"?recursive=true", nil, "SCHEMA_ERROR")
}

func TestTeams_bodies_areChecked(t *testing.T) {
	project := newProject(t, map[string]any{"client_team_creation_enabled": true})
	_, tokens, me := signUp(t, project)
	team := succeed(t, me, http.MethodPost, "/teams", map[string]any{"display_name": "", "client_metadata": nil, "creator_user_id": "me"})
	for _, field := range []string{"created_at_millis", "server_metadata"} {
		if _, seen := team[field]; seen {
			t.Errorf("a client sees %s", field)
		}
	}
	path := fmt.Sprint("/teams/", team["id"])
	for _, body := range []map[string]any{
		{"display_name": nil}, {"id": "x"}, {"server_metadata": 1}, {"client_read_only_metadata": 1}, {"profile_image_url": ""}, {"created_at_millis": 1},
	} {
		refuse(t, me, http.MethodPatch, path, body, "SCHEMA_ERROR")
		if _, named := body["display_name"]; !named {
			body["display_name"] = "New"
		}
		refuse(t, me, http.MethodPost, "/teams", body, "SCHEMA_ERROR")
	}
	refuse(t, me, http.MethodPost, "/teams", map[string]any{}, "SCHEMA_ERROR")
	if got := call(t, me, http.MethodPatch, path, map[string]any{"profile_image_url": "https://example.com/a.png"}); got.Status != http.StatusBadRequest || got.Code() != "" {
		t.Errorf("a client sets any image: %s", got)
	}
	// Old clients say it otherwise.
	old := succeed(t, backend(project).SignedIn(tokens), http.MethodPost, "/teams?add_current_user=true", map[string]any{"display_name": "Old"})
	if members := each(t, succeed(t, backend(project), http.MethodGet, fmt.Sprint("/team-member-profiles?team_id=", old["id"]), nil), "user_id"); !slices.Equal(members, []string{tokens.UserID}) {
		t.Errorf("members %v", members)
	}
	refuse(t, visitor(project), http.MethodPost, "/teams", map[string]any{"display_name": "X", "creator_user_id": "me"}, "CANNOT_GET_OWN_USER_WITHOUT_USER")
	refuse(t, me, http.MethodGet, "/teams/not-a-uuid", nil, "SCHEMA_ERROR")
	succeed(t, me, http.MethodGet, "/teams/"+strings.ToUpper(fmt.Sprint(team["id"])), nil)
}

// A server sees the whole user with every member, and what they have selected.
func TestTeamMemberProfiles_server_seesUsers(t *testing.T) {
	project := newProject(t, map[string]any{"client_team_creation_enabled": true})
	email, tokens, me := signUp(t, project)
	team := succeed(t, me, http.MethodPost, "/teams", map[string]any{"display_name": "Crew"})
	succeed(t, me, http.MethodPatch, "/users/me", map[string]any{"selected_team_id": team["id"], "display_name": "Ada"})
	profiles := items(t, succeed(t, backend(project), http.MethodGet, fmt.Sprint("/team-member-profiles?team_id=", team["id"]), nil))
	if len(profiles) != 1 || profiles[0]["display_name"] != "Ada" || profiles[0]["user_id"] != tokens.UserID {
		t.Fatalf("profiles %v", profiles)
	}
	user, _ := profiles[0]["user"].(map[string]any)
	selected, _ := user["selected_team"].(map[string]any)
	if user["primary_email"] != email || user["last_active_at_millis"] == nil || selected["display_name"] != "Crew" || selected["created_at_millis"] == nil ||
		user["selected_team_id"] != team["id"] {
		t.Errorf("user %v", user)
	}
	own := succeed(t, me, http.MethodGet, fmt.Sprint("/team-member-profiles/", team["id"], "/me"), nil)
	if _, seen := own["user"]; seen || own["display_name"] != "Ada" {
		t.Errorf("a client sees %v", own)
	}
	// The selection ends with the membership.
	succeed(t, me, http.MethodDelete, fmt.Sprint("/team-memberships/", team["id"], "/me"), map[string]any{})
	if now := succeed(t, me, http.MethodGet, "/users/me", nil); now["selected_team"] != nil || now["selected_team_id"] != nil {
		t.Errorf("selected %v", now["selected_team"])
	}
}

// What an operator writes into the configuration and what they define by its own
// routes is the same, seen by the next request.
func TestPermissionDefinitions_areTheConfiguration(t *testing.T) {
	project := newProject(t, nil)
	admin := client.For(proxyURL, project, client.Admin)
	succeed(t, admin, http.MethodPatch, "/internal/config/override/environment", map[string]any{
		"config_override_string": `{"rbac.permissions.editor": {"scope": "team", "containedPermissionIds": {"team_member": true}}}`,
	})
	succeed(t, admin, http.MethodPost, "/team-permission-definitions", map[string]any{
		"id": "publisher", "contained_permission_ids": []string{"editor", "$update_team", "editor"},
	})
	list := succeed(t, admin, http.MethodGet, "/team-permission-definitions", nil)
	if ids := each(t, list, "id")[6:]; !slices.Equal(ids, []string{"editor", "publisher", "team_admin", "team_member"}) {
		t.Errorf("definitions %q", ids)
	}
	renamed := succeed(t, admin, http.MethodPatch, "/team-permission-definitions/team_member", map[string]any{"id": "crew", "description": "Everybody"})
	if renamed["id"] != "crew" || renamed["description"] != "Everybody" {
		t.Errorf("renamed %v", renamed)
	}
	config := fmt.Sprint(succeed(t, admin, http.MethodGet, "/internal/config", nil)["config_string"])
	for _, part := range []string{`"crew":{"description":"Everybody"`, `"teamMember":{"crew":true}`, `"containedPermissionIds":{"crew":true}`} {
		if !strings.Contains(config, part) {
			t.Errorf("the configuration has no %s: %s", part, config)
		}
	}
	if strings.Contains(config, "team_member") {
		t.Error("the old name is left in the configuration")
	}
	for _, tt := range []struct {
		method, path string
		body         any
		want         string
	}{
		{http.MethodPatch, "/team-permission-definitions/gone", map[string]any{}, "PERMISSION_NOT_FOUND"},
		{http.MethodPatch, "/team-permission-definitions/$read_members", map[string]any{}, "PERMISSION_NOT_FOUND"},
		{http.MethodPatch, "/project-permission-definitions/editor", map[string]any{}, "PERMISSION_NOT_FOUND"},
		{http.MethodDelete, "/project-permission-definitions/editor", nil, "PERMISSION_NOT_FOUND"},
		{http.MethodPatch, "/team-permission-definitions/editor", map[string]any{"contained_permission_ids": []string{"gone"}}, "CONTAINED_PERMISSION_NOT_FOUND"},
		{http.MethodPost, "/team-permission-definitions", map[string]any{"id": "Bad"}, "SCHEMA_ERROR"},
		{http.MethodPost, "/team-permission-definitions", map[string]any{"id": "$new"}, "SCHEMA_ERROR"},
		{http.MethodPatch, "/team-permission-definitions/$new", map[string]any{}, "SCHEMA_ERROR"},
	} {
		refuse(t, admin, tt.method, tt.path, tt.body, tt.want)
	}
	refuse(t, backend(project), http.MethodGet, "/team-permission-definitions", nil, "INSUFFICIENT_ACCESS_TYPE")
}
