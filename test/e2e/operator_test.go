package e2e

import (
	"net/http"
	"testing"

	"vestibule.dev/test/client"
)

// A person signs up on project internal, creates a project, makes its keys and
// uses them; another person can do nothing with it.
func TestOperator_ownToken_isAdminOfOwnProject(t *testing.T) {
	operator, err := client.NewOperator(t.Context(), proxyURL, system.Projects["internal"])
	if err != nil {
		t.Fatal(err)
	}
	project, err := operator.NewProject(t.Context(), "An app", nil)
	if err != nil {
		t.Fatal(err)
	}
	admin := operator.Administer(project.ID)
	if got := succeed(t, admin, http.MethodGet, "/internal/projects/current", nil); got["owner_team_id"] != operator.TeamID || got["display_name"] != "An app" {
		t.Errorf("the project is %v", got)
	}
	for _, access := range []client.Access{client.Public, client.Server, client.Admin} {
		succeed(t, admin.With("Access-Type", string(access)), http.MethodGet, "/projects/current", nil)
		succeed(t, client.For(proxyURL, project, access), http.MethodGet, "/projects/current", nil)
	}
	// It authorises the request and signs nobody in.
	refuse(t, admin, http.MethodGet, "/users/me", nil, "CANNOT_GET_OWN_USER_WITHOUT_USER")

	_, _, me := signUp(t, project)
	succeed(t, me, http.MethodPatch, "/users/me", map[string]any{"display_name": "First user"})

	owned, _ := succeed(t, operator.Client, http.MethodGet, "/internal/projects", nil)["items"].([]any)
	if len(owned) != 1 {
		t.Errorf("the operator owns %d projects", len(owned))
	}

	stranger, err := client.NewOperator(t.Context(), proxyURL, system.Projects["internal"])
	if err != nil {
		t.Fatal(err)
	}
	refuse(t, stranger.Administer(project.ID), http.MethodGet, "/internal/projects/current", nil, "ADMIN_ACCESS_TOKEN_IS_NOT_ADMIN")
	refuse(t, stranger.Administer("internal"), http.MethodGet, "/internal/projects/current", nil, "ADMIN_ACCESS_TOKEN_IS_NOT_ADMIN")
	refuse(t, stranger.Client, http.MethodPost, "/internal/projects",
		map[string]any{"display_name": "Theft", "owner_team_id": operator.TeamID}, "TEAM_MEMBERSHIP_NOT_FOUND")
	if got := succeed(t, stranger.Client, http.MethodGet, "/internal/projects", nil); len(got["items"].([]any)) != 0 {
		t.Errorf("a stranger sees %v", got)
	}
	refuse(t, admin.With("Admin-Access-Token", "garbage"), http.MethodGet, "/projects/current", nil, "UNPARSABLE_ADMIN_ACCESS_TOKEN")

	// The right ends with the operator.
	gone := client.For(proxyURL, system.Projects["internal"], client.Server).SignedIn(operator.Tokens)
	succeed(t, gone, http.MethodDelete, "/users/me", nil)
	if got := call(t, admin, http.MethodGet, "/internal/projects/current", nil); got.Status != http.StatusUnauthorized || got.Code() != "" {
		t.Errorf("a deleted operator is answered with %s", got)
	}
}
