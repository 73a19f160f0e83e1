package app_test

import (
	"testing"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/domain"
)

// today is the day in UTC by the database's clock, in days since 2000.
func (h *harness) today() int {
	h.t.Helper()
	return h.count(`SELECT (now() AT TIME ZONE 'UTC')::date - '2000-01-01'::date`)
}

func TestGetMetrics_users_areCounted(t *testing.T) {
	// What happened and what is asked for are to be of the same day.
	for !countUsers(t) {
	}
}

// countUsers reports false, and checks nothing, when a day ended meanwhile.
func countUsers(t *testing.T) (sameDay bool) {
	t.Helper()
	h := newHarness(t)
	today := h.today()
	admin := h.as(principal.AccessAdmin, "")
	ada, bob := h.signUp("ada@example.com"), h.signUp("bob@example.com")
	anonymous := h.signUpAnonymously()
	h.exec(`UPDATE contact_channels SET is_verified = true WHERE user_id = $1`, ada)
	h.exec(`UPDATE users SET country_code = 'CH', requires_totp_mfa = true WHERE id = $1`, ada)
	h.exec(`UPDATE users SET restricted_by_admin = true, otp_auth_enabled = true, signed_up_at = now() - interval '40 days' WHERE id = $1`, bob)
	h.exec(`INSERT INTO oauth_accounts (project_id, branch_id, user_id, id, provider_config_id, provider_account_id, allow_sign_in, allow_connected_accounts)
		VALUES ($1, $2, $3, $4, 'acme', '1', true, true)`, h.tenant.ProjectID, h.tenant.BranchID, ada, ids.NewUUID())
	// Yesterday's activity is not forgotten by today's.
	h.exec(`UPDATE active_days SET day = day - 1 WHERE user_id = $1`, bob)
	h.exec(`UPDATE user_activity SET last_active_at = now() - interval '1 day' WHERE user_id = $1`, bob)
	h.exec(`UPDATE user_activity SET last_active_at = now() WHERE user_id = $1`, bob)
	// Another project does not count.
	foreign := ids.NewUUID()
	h.exec(`INSERT INTO projects (id, display_name) VALUES ($1, 'Other')`, foreign)
	h.exec(`INSERT INTO users (project_id, branch_id, id, country_code) VALUES ($1, 'main', $2, 'CH')`, foreign, ids.NewUUID())

	metrics, err := h.GetMetrics(admin, false)
	if err != nil {
		t.Fatal(err)
	}
	all, err := h.GetMetrics(admin, true)
	if err != nil {
		t.Fatal(err)
	}
	if h.today() != today {
		return false
	}
	if metrics.TotalUsers != 2 || metrics.Verified != 1 || metrics.Unverified != 1 || metrics.Anonymous != 1 || metrics.Restricted != 1 || metrics.WithSecondFactor != 1 {
		t.Errorf("figures %+v", metrics.UserFigures)
	}
	days := metrics.Days
	if len(days) != 30 || days[29].SignUps != 1 || days[29].ActiveUsers != 2 || days[28].ActiveUsers != 1 || days[0].Day.AddDate(0, 0, 29) != days[29].Day {
		t.Errorf("days %+v", days)
	}
	if len(metrics.ByCountry) != 1 || metrics.ByCountry["CH"] != 1 {
		t.Errorf("countries %v", metrics.ByCountry)
	}
	methods := map[string]int{}
	for _, method := range metrics.Methods {
		methods[method.Method] = method.Users
	}
	if metrics.Methods[0].Method != "password" || methods["password"] != 2 || methods["otp"] != 1 || methods["acme"] != 1 {
		t.Errorf("methods %+v", metrics.Methods)
	}
	if len(metrics.RecentlyRegistered) != 2 || metrics.RecentlyRegistered[0].ID != ada || metrics.RecentlyActive[0].ID != bob {
		t.Errorf("latest %v %v", metrics.RecentlyRegistered, metrics.RecentlyActive)
	}

	if all.TotalUsers != 3 || all.Days[29].SignUps != 2 || all.RecentlyRegistered[0].ID != anonymous {
		t.Errorf("%+v", all)
	}

	h.exec(`UPDATE active_days SET day = day - 40 WHERE user_id = $1`, ada)
	if err := h.store.ForgetActiveDays(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := h.count(`SELECT count(*) FROM active_days WHERE user_id = $1`, ada); left != 0 {
		t.Errorf("%d old days", left)
	}
	return true
}

func TestPreviewAffectedUsers_newRule_namesWhomItRestricts(t *testing.T) {
	h := newHarness(t)
	admin := h.as(principal.AccessAdmin, "")
	h.signUpAnonymously()
	verified, restricted, first, second := h.signUp("v@example.com"), h.signUp("r@example.com"), h.signUp("first@example.com"), h.signUp("second@example.com")
	h.exec(`UPDATE contact_channels SET is_verified = true WHERE user_id = $1`, verified)
	h.exec(`UPDATE users SET restricted_by_admin = true WHERE id = $1`, restricted)
	h.exec(`DELETE FROM contact_channels WHERE user_id = $1`, second)
	preview := func(require *bool, limit int) ([]string, int) {
		t.Helper()
		users, total, err := h.PreviewAffectedUsers(admin, require, limit)
		if err != nil {
			t.Fatal(err)
		}
		var listed []string
		for _, user := range users {
			listed = append(listed, user.ID)
			if user.Reason != domain.RestrictedEmailNotVerified {
				t.Errorf("reason %q", user.Reason)
			}
		}
		return listed, total
	}
	if listed, total := preview(new(true), 10); total != 2 || len(listed) != 2 || listed[0] != first || listed[1] != second {
		t.Errorf("%v of %d", listed, total)
	}
	if listed, total := preview(new(true), 1); total != 2 || len(listed) != 1 {
		t.Errorf("%v of %d", listed, total)
	}
	for name, require := range map[string]*bool{"as now": nil, "no rule": new(false)} {
		if listed, total := preview(require, 10); total != 0 || len(listed) != 0 {
			t.Errorf("%s: %v of %d", name, listed, total)
		}
	}
	h.config.Onboarding.RequireEmailVerification = true
	if listed, total := preview(new(true), 10); total != 0 || len(listed) != 0 {
		t.Errorf("restricted already: %v of %d", listed, total)
	}
}
