package e2e

import (
	"net/http"
	"strings"
	"testing"

	"vestibule.dev/test/client"
)

// A project's rules decide about the very next sign-up, in their order.
func TestSignUpRules_configured_decideAboutTheNextSignUp(t *testing.T) {
	project := newProject(t, map[string]any{"allow_localhost": true, "credential_enabled": true})
	admin, server := client.For(proxyURL, project, client.Admin), client.For(proxyURL, project, client.Server)
	succeed(t, admin, http.MethodPatch, "/internal/config/override/environment", map[string]any{"config_override_string": `{
		"auth.password.allowSignIn": true,
		"auth.signUpRules": {
			"partners": {"enabled": true, "priority": 2, "condition": "emailDomain in [\"partner.example\", \"friend.example\"]", "action": {"type": "allow"}},
			"doubled": {"enabled": true, "displayName": "Doubled letters", "priority": 1, "condition": "email.matches(\"^(.)\\\\1\")", "action": {"type": "restrict"}},
			"plus": {"enabled": true, "condition": "email.contains(\"+\")", "action": {"type": "reject", "message": "for us alone"}}
		}
	}`})
	signUp := func(email string) client.Response {
		return call(t, visitor(project).WithHeader("CF-IPCountry", "CH"), http.MethodPost, "/auth/password/sign-up", map[string]any{"email": email, "password": password})
	}
	unique := strings.TrimPrefix(client.FreshEmail(""), "-")
	rejected := signUp("x+" + unique)
	if rejected.Code() != "SIGN_UP_REJECTED" || rejected.Status != http.StatusForbidden || strings.Contains(string(rejected.Body), "for us alone") {
		t.Errorf("rejected: %s", rejected)
	}
	for _, tt := range []struct {
		email      string
		restricted bool
	}{
		{"aa" + unique, true},
		{"ab" + unique, false},
		{"aa+b-" + strings.ReplaceAll(unique, "example.com", "friend.example"), false},
	} {
		answer := signUp(tt.email)
		if answer.Status != http.StatusOK {
			t.Fatalf("%s: %s", tt.email, answer)
		}
		user := succeed(t, server, http.MethodGet, "/users/"+answer.Object()["user_id"].(string), nil)
		if user["restricted_by_admin"] != tt.restricted || user["restricted_by_admin_reason"] != nil || user["country_code"] != "CH" {
			t.Errorf("%s: %v", tt.email, user)
		}
		details, _ := user["restricted_by_admin_private_details"].(string)
		if want := "sign-up rule doubled (Doubled letters)"; strings.Contains(details, want) != tt.restricted {
			t.Errorf("%s: details %q", tt.email, details)
		}
	}
}
