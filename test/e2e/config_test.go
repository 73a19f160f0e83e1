package e2e

import (
	"net/http"
	"strings"
	"testing"

	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

// newAdmin makes a project of a new operator and returns it with its admin.
func newAdmin(t *testing.T) (stack.Project, *client.Client, *client.Client) {
	t.Helper()
	project := newProject(t, map[string]any{"create_team_on_sign_up": true, "client_user_deletion_enabled": true})
	return project, client.For(proxyURL, project, client.Admin), client.For(system.BaseURL, project, client.Admin)
}

// rounds is how often each setting is switched there and back: a stale cache
// would be lucky only so often.
const rounds = 3

func configure(t *testing.T, admin *client.Client, key string, value any) {
	t.Helper()
	level := "environment"
	if strings.HasPrefix(key, "project.") {
		level = "project" // settable nowhere else
	}
	if err := admin.Configure(t.Context(), level, map[string]any{key: value}); err != nil {
		t.Fatal(err)
	}
}

// A change of the configuration is seen by the very next request, whichever
// context serves it.
func TestConfiguration_changed_countsAtOnce(t *testing.T) {
	project, admin, _ := newAdmin(t)
	email, tokens, me := signUp(t, project)
	public := visitor(project)
	credentials := map[string]any{"email": email, "password": password}

	t.Run("password sign-in", func(t *testing.T) {
		for range rounds {
			configure(t, admin, "auth.password.allowSignIn", false)
			refuse(t, public, http.MethodPost, "/auth/password/sign-in", credentials, "PASSWORD_AUTHENTICATION_NOT_ENABLED")
			configure(t, admin, "auth.password.allowSignIn", true)
			succeed(t, public, http.MethodPost, "/auth/password/sign-in", credentials)
		}
	})
	t.Run("sign-up", func(t *testing.T) {
		for range rounds {
			configure(t, admin, "auth.allowSignUp", false)
			fresh := map[string]any{"email": client.FreshEmail("late"), "password": password}
			refuse(t, public, http.MethodPost, "/auth/password/sign-up", fresh, "SIGN_UP_NOT_ENABLED")
			configure(t, admin, "auth.allowSignUp", true)
			succeed(t, public, http.MethodPost, "/auth/password/sign-up", fresh)
		}
	})
	t.Run("restriction", func(t *testing.T) {
		for range rounds {
			configure(t, admin, "onboarding.requireEmailVerification", true)
			if user := succeed(t, me, http.MethodGet, "/users/me", nil); user["is_restricted"] != true {
				t.Errorf("the user is not restricted: %v", user)
			}
			if claims := claimsOf(t, refresh(t, project, tokens.RefreshToken)); claims["is_restricted"] != true || claims["aud"] != project.ID+":restricted" {
				t.Errorf("the next token says %v", claims)
			}
			configure(t, admin, "onboarding.requireEmailVerification", false)
			if user := succeed(t, me, http.MethodGet, "/users/me", nil); user["is_restricted"] != false {
				t.Errorf("the user is still restricted: %v", user)
			}
			if claims := claimsOf(t, refresh(t, project, tokens.RefreshToken)); claims["is_restricted"] != false || claims["aud"] != project.ID {
				t.Errorf("the next token says %v", claims)
			}
		}
	})
	t.Run("personal teams", func(t *testing.T) {
		for range rounds {
			configure(t, admin, "teams.createPersonalTeamOnSignUp", false)
			_, _, alone := signUp(t, project)
			if user := succeed(t, alone, http.MethodGet, "/users/me", nil); user["selected_team_id"] != nil {
				t.Errorf("a team was made: %v", user)
			}
			configure(t, admin, "teams.createPersonalTeamOnSignUp", true)
			_, _, member := signUp(t, project)
			if _, err := member.PersonalTeam(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("publishable key", func(t *testing.T) {
		keyless := public.With("Publishable-Client-Key", "")
		for range rounds {
			configure(t, admin, "project.requirePublishableClientKey", true)
			refuse(t, keyless, http.MethodGet, "/projects/current", nil, "PUBLISHABLE_CLIENT_KEY_REQUIRED_FOR_PROJECT")
			configure(t, admin, "project.requirePublishableClientKey", false)
			succeed(t, keyless, http.MethodGet, "/projects/current", nil)
		}
	})
	t.Run("trusted domains", func(t *testing.T) {
		fresh := func() map[string]any {
			return map[string]any{"email": client.FreshEmail("guest"), "password": password, "verification_callback_url": callbackURL}
		}
		for range rounds {
			configure(t, admin, "domains.allowLocalhost", false)
			refuse(t, public, http.MethodPost, "/auth/password/sign-up", fresh(), "REDIRECT_URL_NOT_WHITELISTED")
			configure(t, admin, "domains.allowLocalhost", true)
			succeed(t, public, http.MethodPost, "/auth/password/sign-up", fresh())
		}
	})
	t.Run("what apps are told", func(t *testing.T) {
		for range rounds {
			for _, on := range []bool{true, false} {
				configure(t, admin, "auth.otp.allowSignIn", on)
				config, _ := succeed(t, public, http.MethodGet, "/projects/current", nil)["config"].(map[string]any)
				if config["magic_link_enabled"] != on {
					t.Errorf("magic_link_enabled is %v", config["magic_link_enabled"])
				}
			}
		}
	})
	t.Run("deletion by clients", func(t *testing.T) {
		configure(t, admin, "users.allowClientUserDeletion", false)
		if got := call(t, me, http.MethodDelete, "/users/me", nil); got.Status != http.StatusBadRequest || got.Code() != "" {
			t.Errorf("answered with %s", got)
		}
		configure(t, admin, "users.allowClientUserDeletion", true)
		succeed(t, me, http.MethodDelete, "/users/me", nil)
	})
}

// A key works from the answer that shows it until the one that revokes it.
func TestKeys_createdAndRevoked_countAtOnce(t *testing.T) {
	project, admin, _ := newAdmin(t)
	for range rounds {
		set := succeed(t, admin, http.MethodPost, "/internal/api-keys", map[string]any{
			"description": "short-lived", "expires_at_millis": 4102444800000, "has_publishable_client_key": false,
			"has_secret_server_key": true, "has_super_secret_admin_key": false,
		})
		key, _ := set["secret_server_key"].(string)
		id, _ := set["id"].(string)
		server := client.New(proxyURL).With("Project-Id", project.ID).With("Access-Type", "server").With("Secret-Server-Key", key)
		succeed(t, server, http.MethodGet, "/projects/current", nil)
		succeed(t, admin, http.MethodPatch, "/internal/api-keys/"+id, map[string]any{"revoked": true})
		refuse(t, server, http.MethodGet, "/projects/current", nil, "INVALID_SECRET_SERVER_KEY")
	}
}

func TestProject_deleted_isGoneAtOnce(t *testing.T) {
	project, admin, _ := newAdmin(t)
	_, tokens, me := signUp(t, project)
	succeed(t, admin, http.MethodDelete, "/internal/projects/current", nil)
	refuse(t, me, http.MethodGet, "/users/me", nil, "CURRENT_PROJECT_NOT_FOUND")
	if got := refresh(t, project, tokens.RefreshToken); got.Code() != "CURRENT_PROJECT_NOT_FOUND" {
		t.Errorf("refresh answers with %s", got)
	}
}

func claimsOf(t *testing.T, refreshed client.Response) map[string]any {
	t.Helper()
	token, _ := refreshed.Object()["access_token"].(string)
	claims, err := client.Claims(token)
	if err != nil {
		t.Fatalf("%v: %s", err, refreshed)
	}
	return claims
}
