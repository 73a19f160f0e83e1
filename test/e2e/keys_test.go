package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vestibule.dev/test/client"
)

// plain refuses a request that must fail with a sentence and no code.
func plain(t *testing.T, c *client.Client, method, path string, body any, want int) {
	t.Helper()
	response := call(t, c, method, path, body)
	if response.Status != want || response.Code() != "" {
		t.Errorf("%s %s: %s, want %d in plain text", method, path, response, want)
	}
}

func TestAPIKeys_requests_followTheContract(t *testing.T) {
	project := newProject(t, map[string]any{"create_team_on_sign_up": true})
	_, tokens, me := signUp(t, project)
	server := client.For(proxyURL, project, client.Server)
	teamID, err := me.PersonalTeam(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unknown := "6ba7b810-9dad-41d1-80b4-00c04fd430c8"

	// Switched off, every operation says so.
	for _, c := range []*client.Client{visitor(project), me, server} {
		plain(t, c, http.MethodGet, "/user-api-keys?user_id="+tokens.UserID, nil, http.StatusBadRequest)
		plain(t, c, http.MethodPost, "/team-api-keys", map[string]any{"description": "CI", "team_id": teamID}, http.StatusBadRequest)
	}
	plain(t, server, http.MethodPost, "/user-api-keys/check", map[string]any{"api_key": "x"}, http.StatusBadRequest)
	succeed(t, client.For(proxyURL, project, client.Admin), http.MethodPatch, "/internal/projects/current",
		map[string]any{"config": map[string]any{"allow_user_api_keys": true, "allow_team_api_keys": true}})

	wanted := map[string]any{"description": "CI", "user_id": "me", "expires_at_millis": nil}
	made := succeed(t, me, http.MethodPost, "/user-api-keys", wanted)
	if made["user_id"] != tokens.UserID || made["type"] != "user" || made["is_public"] != false || made["expires_at_millis"] != nil {
		t.Errorf("made %v", made)
	}
	text, _ := made["value"].(string)
	path := "/user-api-keys/" + made["id"].(string)
	for _, query := range []string{"", "?user_id=" + tokens.UserID, "?user_id=me"} {
		shown := succeed(t, me, http.MethodGet, path+query, nil)
		if value, _ := shown["value"].(map[string]any); value["last_four"] != text[len(text)-4:] {
			t.Errorf("shown %v", shown)
		}
	}
	refuse(t, me, http.MethodGet, path+"?other=x", nil, "SCHEMA_ERROR")
	for _, tt := range []struct {
		c            *client.Client
		method, path string
		body         any
		want         string
	}{
		{visitor(project), http.MethodPost, "/user-api-keys", wanted, "CANNOT_GET_OWN_USER_WITHOUT_USER"},
		{visitor(project), http.MethodGet, path, nil, "USER_AUTHENTICATION_REQUIRED"},
		{visitor(project), http.MethodGet, "/team-api-keys?team_id=" + teamID, nil, "USER_AUTHENTICATION_REQUIRED"},
		{me, http.MethodGet, "/user-api-keys", nil, "SCHEMA_ERROR"},
		{server, http.MethodGet, "/user-api-keys", nil, "SCHEMA_ERROR"},
		{server, http.MethodGet, "/team-api-keys", nil, "SCHEMA_ERROR"},
		{me, http.MethodGet, "/user-api-keys/" + unknown, nil, "API_KEY_NOT_FOUND"},
		{me, http.MethodGet, "/team-api-keys/" + made["id"].(string), nil, "API_KEY_NOT_FOUND"},
		{me, http.MethodGet, "/team-api-keys?team_id=" + unknown, nil, "API_KEY_NOT_FOUND"},
		{me, http.MethodGet, "/user-api-keys/x", nil, "SCHEMA_ERROR"},
		{server, http.MethodPost, "/user-api-keys", map[string]any{"description": "CI", "user_id": unknown}, "USER_NOT_FOUND"},
		{server, http.MethodPost, "/team-api-keys", map[string]any{"description": "CI", "team_id": unknown}, "TEAM_NOT_FOUND"},
		{server, http.MethodPost, "/user-api-keys", map[string]any{"description": nil, "user_id": tokens.UserID}, "SCHEMA_ERROR"},
		{server, http.MethodPost, "/user-api-keys", map[string]any{"user_id": tokens.UserID}, "SCHEMA_ERROR"},
		{me, http.MethodPatch, path, map[string]any{"revoked": false}, "SCHEMA_ERROR"},
		{me, http.MethodPatch, path, map[string]any{"expires_at_millis": 1}, "SCHEMA_ERROR"},
		{me, http.MethodPatch, path, map[string]any{"user_id": unknown}, "SCHEMA_ERROR"},
		{me, http.MethodPost, "/user-api-keys/check", map[string]any{"api_key": text}, "INSUFFICIENT_ACCESS_TYPE"},
		{server, http.MethodPost, "/user-api-keys/check", map[string]any{"api_key": "x"}, "API_KEY_NOT_FOUND"},
		{server, http.MethodPost, "/team-api-keys/check", map[string]any{"api_key": text}, "WRONG_API_KEY_TYPE"},
	} {
		refuse(t, tt.c, tt.method, tt.path, tt.body, tt.want)
	}
	_, _, stranger := signUp(t, project)
	plain(t, stranger, http.MethodGet, path, nil, http.StatusForbidden)
	plain(t, stranger, http.MethodPatch, path, map[string]any{"revoked": true}, http.StatusForbidden)
	plain(t, stranger, http.MethodGet, "/user-api-keys?user_id="+tokens.UserID, nil, http.StatusForbidden)

	if checked := succeed(t, server, http.MethodPost, "/user-api-keys/check", map[string]any{"api_key": text}); checked["user_id"] != tokens.UserID {
		t.Errorf("checked %v", checked)
	}
	succeed(t, me, http.MethodPatch, path+"?user_id="+url.QueryEscape(tokens.UserID), map[string]any{"revoked": true})
	refuse(t, server, http.MethodPost, "/user-api-keys/check", map[string]any{"api_key": text}, "API_KEY_REVOKED")

	team := succeed(t, server, http.MethodPost, "/team-api-keys", map[string]any{"description": "CI", "team_id": teamID, "expires_at_millis": 1})
	refuse(t, server, http.MethodPost, "/team-api-keys/check", map[string]any{"api_key": team["value"]}, "API_KEY_EXPIRED")
	path = "/team-api-keys/" + team["id"].(string)
	refuse(t, stranger, http.MethodGet, path, nil, "API_KEY_NOT_FOUND")
	refuse(t, stranger, http.MethodPost, "/team-api-keys", map[string]any{"description": "CI", "team_id": teamID}, "API_KEY_NOT_FOUND")
	// The creator of a team may manage its keys.
	own := succeed(t, me, http.MethodPost, "/team-api-keys", map[string]any{"description": "own", "team_id": teamID, "is_public": true})
	if list := succeed(t, me, http.MethodGet, "/team-api-keys?team_id="+teamID, nil); len(list["items"].([]any)) != 2 {
		t.Errorf("list %v", list)
	}
	succeed(t, me, http.MethodPatch, path+"?team_id="+teamID, map[string]any{"description": "renamed"})
	if checked := succeed(t, server, http.MethodPost, "/team-api-keys/check", map[string]any{"api_key": own["value"]}); checked["team_id"] != teamID {
		t.Errorf("checked %v", checked)
	}
}

// A deleted user's keys are gone with the answer.
func TestAPIKeys_userDeleted_areGone(t *testing.T) {
	_, _, me := signUp(t, dev)
	server := client.For(proxyURL, dev, client.Server)
	made := succeed(t, me, http.MethodPost, "/user-api-keys", map[string]any{"description": "CI", "user_id": "me"})
	succeed(t, me, http.MethodDelete, "/users/me", nil)
	refuse(t, server, http.MethodPost, "/user-api-keys/check", map[string]any{"api_key": made["value"]}, "API_KEY_NOT_FOUND")
	if keys := succeed(t, server, http.MethodGet, "/user-api-keys?user_id="+made["user_id"].(string), nil); len(keys["items"].([]any)) != 0 {
		t.Errorf("keys %v", keys)
	}
}

// A deleted team's keys end with it, as soon as the event has come round.
func TestAPIKeys_teamDeleted_areGone(t *testing.T) {
	server := client.For(proxyURL, dev, client.Server)
	team := succeed(t, server, http.MethodPost, "/teams", map[string]any{"display_name": "Short-lived"})
	teamID := team["id"].(string)
	made := succeed(t, server, http.MethodPost, "/team-api-keys", map[string]any{"description": "CI", "team_id": teamID})
	check := map[string]any{"api_key": made["value"]}
	succeed(t, server, http.MethodPost, "/team-api-keys/check", check)
	succeed(t, server, http.MethodDelete, "/teams/"+teamID, nil)
	err := client.Poll(t.Context(), func(ctx context.Context) error {
		response, err := server.Do(ctx, http.MethodPost, "/team-api-keys/check", check)
		if err == nil && response.Code() != "API_KEY_NOT_FOUND" {
			err = fmt.Errorf("check: %s", response)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	refuse(t, server, http.MethodPost, "/team-api-keys", map[string]any{"description": "CI", "team_id": teamID}, "TEAM_NOT_FOUND")
}

func TestCLILogin_requests_followTheContract(t *testing.T) {
	c := visitor(dev)
	// Neither a body nor a user is needed.
	begun := succeed(t, c, http.MethodPost, "/auth/cli", nil)
	if expiresAt, _ := begun["expires_at"].(string); !strings.HasSuffix(expiresAt, "Z") {
		t.Errorf("begun %v", begun)
	}
	poll := map[string]any{"polling_code": begun["polling_code"]}
	if got := call(t, c, http.MethodPost, "/auth/cli/poll", poll); got.Status != http.StatusOK || got.Object()["status"] != "waiting" {
		t.Errorf("poll: %s", got)
	}
	refuse(t, c, http.MethodPost, "/auth/cli/poll", map[string]any{"polling_code": begun["login_code"]}, "INVALID_POLLING_CODE")
	refuse(t, c, http.MethodPost, "/auth/cli/poll", map[string]any{}, "SCHEMA_ERROR")
	refuse(t, c, http.MethodPost, "/auth/cli/complete", map[string]any{"refresh_token": "x"}, "SCHEMA_ERROR")
	refuse(t, c, http.MethodPost, "/auth/cli/complete", map[string]any{"login_code": "x", "mode": "other"}, "SCHEMA_ERROR")
	refuse(t, c, http.MethodPost, "/auth/cli", map[string]any{"expires_in_millis": 86_400_001}, "SCHEMA_ERROR")
	plain(t, c, http.MethodPost, "/auth/cli", map[string]any{"anon_refresh_token": "x"}, http.StatusBadRequest)
	plain(t, c, http.MethodPost, "/auth/cli/complete", map[string]any{"login_code": "x", "refresh_token": "y"}, http.StatusBadRequest)
	plain(t, c, http.MethodPost, "/auth/cli/complete", map[string]any{"login_code": begun["login_code"]}, http.StatusBadRequest)
	plain(t, c, http.MethodPost, "/auth/cli/complete", map[string]any{"login_code": begun["login_code"], "mode": "claim-anon-session"}, http.StatusBadRequest)

	_, tokens, _ := signUp(t, dev)
	succeed(t, c, http.MethodPost, "/auth/cli/complete", map[string]any{"login_code": begun["login_code"], "refresh_token": tokens.RefreshToken})
	got := call(t, c, http.MethodPost, "/auth/cli/poll", poll)
	if got.Status != http.StatusCreated || got.Object()["status"] != "success" || got.Object()["refresh_token"] != tokens.RefreshToken {
		t.Errorf("poll: %s", got)
	}
	if got := call(t, c, http.MethodPost, "/auth/cli/poll", poll); got.Status != http.StatusOK || got.Object()["status"] != "used" {
		t.Errorf("poll: %s", got)
	}
}

// Whoever finds a key may revoke it, with any credential or none, in whatever
// project it is. Those who can make another one are told.
func TestAPIKeys_leaked_areRevokedByWhoeverHoldsThem(t *testing.T) {
	project := newProject(t, map[string]any{"create_team_on_sign_up": true, "allow_user_api_keys": true, "allow_team_api_keys": true})
	email, _, me := signUp(t, project)
	team, err := me.PersonalTeam(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	server, foreign := client.For(proxyURL, project, client.Server), newProject(t, nil)
	finders := []*client.Client{
		client.New(proxyURL), client.For(proxyURL, foreign, client.Public), client.For(proxyURL, foreign, client.Server),
		client.For(proxyURL, foreign, client.Admin), me,
	}
	const route = "/integrations/credential-scanning/revoke"
	for i, finder := range finders {
		kind, owner := "user", map[string]any{"user_id": "me"}
		if i%2 == 1 {
			kind, owner = "team", map[string]any{"team_id": team}
		}
		owner["description"] = fmt.Sprintf("Found <%d>", i)
		made := succeed(t, me, http.MethodPost, "/"+kind+"-api-keys", owner)
		for range 2 {
			if done := succeed(t, finder, http.MethodPost, route, map[string]any{"api_key": made["value"]}); done["success"] != true {
				t.Errorf("revoked %v", done)
			}
		}
		refuse(t, server, http.MethodPost, "/"+kind+"-api-keys/check", map[string]any{"api_key": made["value"]}, "API_KEY_REVOKED")
		mail, err := client.Mailbox{URL: system.MailboxURL}.Await(t.Context(), email, fmt.Sprintf("API Key Revoked: Found <%d>", i))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(mail.Text, fmt.Sprintf("Found <%d>", i)) || !strings.Contains(mail.HTML, fmt.Sprintf("Found &lt;%d&gt;", i)) {
			t.Errorf("mail %+v", mail)
		}
	}
	mails, err := client.Mailbox{URL: system.MailboxURL}.To(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, mail := range mails {
		if strings.HasPrefix(mail.Subject, "API Key Revoked: ") {
			told++
		}
	}
	if told != len(finders) {
		t.Errorf("told %d times of %d keys", told, len(finders))
	}
	public := succeed(t, me, http.MethodPost, "/user-api-keys", map[string]any{"user_id": "me", "description": "public", "is_public": true})
	expired := succeed(t, me, http.MethodPost, "/user-api-keys", map[string]any{"user_id": "me", "description": "old", "expires_at_millis": 1})
	for text, code := range map[any]string{
		"sk_nobodys": "API_KEY_NOT_FOUND", "": "API_KEY_NOT_FOUND", public["value"]: "PUBLIC_API_KEY_CANNOT_BE_REVOKED", expired["value"]: "API_KEY_EXPIRED",
	} {
		refuse(t, client.New(proxyURL), http.MethodPost, route, map[string]any{"api_key": text}, code)
	}
	refuse(t, client.New(proxyURL), http.MethodPost, route, map[string]any{}, "SCHEMA_ERROR")
}

// The token of a deleted user outlives them, and opens nothing (protocol §5,
// step 12).
func TestDeletedUser_teamsAndKeys_areNobodys(t *testing.T) {
	project := newProject(t, map[string]any{
		"create_team_on_sign_up": true, "client_team_creation_enabled": true, "allow_user_api_keys": true, "allow_team_api_keys": true,
	})
	_, tokens, me := signUp(t, project)
	team, err := me.PersonalTeam(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	succeed(t, client.For(proxyURL, project, client.Server), http.MethodDelete, "/users/"+tokens.UserID, nil)
	const noUser, signIn = "CANNOT_GET_OWN_USER_WITHOUT_USER", "USER_AUTHENTICATION_REQUIRED"
	for _, tt := range []struct {
		method, path string
		body         any
		want         string
	}{
		{http.MethodGet, "/teams?user_id=me", nil, noUser},
		{http.MethodGet, "/teams?user_id=" + tokens.UserID, nil, noUser},
		{http.MethodPost, "/teams", map[string]any{"display_name": "New", "creator_user_id": "me"}, noUser},
		{http.MethodPost, "/teams", map[string]any{"display_name": "New"}, signIn},
		{http.MethodGet, "/team-permissions?user_id=me&team_id=" + team, nil, noUser},
		{http.MethodGet, "/project-permissions?user_id=me", nil, noUser},
		{http.MethodGet, "/team-invitations?user_id=me", nil, noUser},
		{http.MethodGet, "/team-member-profiles/" + team + "/me", nil, noUser},
		{http.MethodGet, "/team-member-profiles?team_id=" + team, nil, noUser},
		{http.MethodDelete, "/team-memberships/" + team + "/me", map[string]any{}, noUser},
		{http.MethodGet, "/user-api-keys?user_id=me", nil, noUser},
		{http.MethodPost, "/user-api-keys", map[string]any{"user_id": "me", "description": "CI"}, noUser},
		{http.MethodGet, "/team-api-keys?team_id=" + team, nil, signIn},
		{http.MethodPost, "/team-api-keys", map[string]any{"team_id": team, "description": "CI"}, signIn},
	} {
		refuse(t, me, tt.method, tt.path, tt.body, tt.want)
	}
}
