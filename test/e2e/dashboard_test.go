package e2e

import (
	"net/http"
	"testing"

	"vestibule.dev/test/client"
)

// What operators see of a project's users as a whole, and who else does not.
func TestDashboard_figuresAndPreview(t *testing.T) {
	operator, err := client.NewOperator(t.Context(), proxyURL, system.Projects["internal"])
	if err != nil {
		t.Fatal(err)
	}
	project, err := operator.NewProject(t.Context(), "Counted", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, tokens, me := signUp(t, project)
	admin := client.For(proxyURL, project, client.Admin)
	metrics := succeed(t, admin, http.MethodGet, "/internal/metrics?include_anonymous=true", nil)
	daily, _ := metrics["daily_active_users"].([]any)
	latest, _ := metrics["recently_registered"].([]any)
	active := 0.0 // today; at midnight what was today is the day before
	for _, day := range daily[max(0, len(daily)-2):] {
		activity, _ := day.(map[string]any)["activity"].(float64)
		active += activity
	}
	if metrics["total_users"] != 1.0 || len(daily) != 30 || active != 1 || len(latest) != 1 || latest[0].(map[string]any)["id"] != tokens.UserID {
		t.Errorf("metrics %v", metrics)
	}
	if countries, ok := metrics["users_by_country"].(map[string]any); !ok || len(countries) != 0 {
		t.Errorf("countries %v", metrics["users_by_country"])
	}
	preview := succeed(t, admin, http.MethodPost, "/internal/onboarding/preview-affected-users?limit=5",
		map[string]any{"onboarding": map[string]any{"require_email_verification": true}})
	affected, _ := preview["affected_users"].([]any)
	if preview["total_affected_count"] != 1.0 || len(affected) != 1 {
		t.Fatalf("preview %v", preview)
	}
	user := affected[0].(map[string]any)
	if reason, _ := user["restricted_reason"].(map[string]any); user["id"] != tokens.UserID || reason["type"] != "email_not_verified" || user["display_name"] != nil {
		t.Errorf("user %v", user)
	}
	refuse(t, admin, http.MethodGet, "/internal/metrics?include_anonymous=maybe", nil, "SCHEMA_ERROR")
	refuse(t, admin, http.MethodPost, "/internal/onboarding/preview-affected-users", map[string]any{}, "SCHEMA_ERROR")
	refuse(t, admin, http.MethodPost, "/internal/onboarding/preview-affected-users?limit=0", map[string]any{"onboarding": map[string]any{}}, "SCHEMA_ERROR")
	refuse(t, me, http.MethodGet, "/internal/metrics", nil, "INSUFFICIENT_ACCESS_TYPE")
	refuse(t, client.For(proxyURL, project, client.Server), http.MethodGet, "/internal/metrics", nil, "INSUFFICIENT_ACCESS_TYPE")
}

// A project goes to another team of whoever administers the one that owns it.
func TestOperator_transfersAProject(t *testing.T) {
	operator, err := client.NewOperator(t.Context(), proxyURL, system.Projects["internal"])
	if err != nil {
		t.Fatal(err)
	}
	project, err := operator.NewProject(t.Context(), "Given away", nil)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := succeed(t, operator.Client, http.MethodPost, "/teams", map[string]any{"display_name": "Buyers", "creator_user_id": "me"})["id"].(string)
	body := map[string]any{"project_id": project.ID, "new_team_id": other}
	stranger, err := client.NewOperator(t.Context(), proxyURL, system.Projects["internal"])
	if err != nil {
		t.Fatal(err)
	}
	refuse(t, stranger.Client, http.MethodPost, "/internal/projects/transfer", body, "TEAM_MEMBERSHIP_NOT_FOUND")
	refuse(t, operator.Client, http.MethodPost, "/internal/projects/transfer", map[string]any{"project_id": project.ID, "new_team_id": stranger.TeamID}, "TEAM_MEMBERSHIP_NOT_FOUND")
	refuse(t, client.For(proxyURL, system.Projects["internal"], client.Public), http.MethodPost, "/internal/projects/transfer", body, "SCHEMA_ERROR")
	refuse(t, client.For(proxyURL, project, client.Admin), http.MethodPost, "/internal/projects/transfer", body, "SCHEMA_ERROR")
	if moved := succeed(t, operator.Client, http.MethodPost, "/internal/projects/transfer", body); moved["success"] != "true" {
		t.Errorf("moved %v", moved)
	}
	if got := succeed(t, operator.Administer(project.ID), http.MethodGet, "/internal/projects/current", nil); got["owner_team_id"] != other {
		t.Errorf("owned by %v", got["owner_team_id"])
	}
}
