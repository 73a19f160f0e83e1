package config_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"vestibule.dev/services/identity/internal/domain/config"
)

func renderAlone(d config.Document) config.Rendered {
	return config.Render(config.Document{}, config.Document{}, d, config.StandardBuiltIns())
}

func TestPresets_areValidOverrides(t *testing.T) {
	for name, d := range map[string]config.Document{
		"new project": config.NewProject(),
		"internal":    config.Internal(config.InternalSettings{OAuthProviders: []string{"google", "github"}}),
		"development": config.Development(),
	} {
		t.Run(name, func(t *testing.T) {
			if got := parse(t, d.Level(), d.String()).String(); got != d.String() || d.Level() != config.Environment {
				t.Errorf("level %q, parsed as %s", d.Level(), got)
			}
		})
	}
}

func TestNewProject_legacyConfig_isThatOfAFreshProject(t *testing.T) {
	got, err := json.MarshalIndent(renderAlone(config.NewProject()).LegacyAdmin(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "new_project.json", append(got, '\n'))
}

func TestNewProject_createRequest_winsOverTheDefaults(t *testing.T) {
	change, problems := patch(t, `{"allow_localhost":false,"credential_enabled":false,"domains":[{"domain":"https://a","handler_path":"/"}],"team_member_default_permissions":[]}`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c := renderAlone(config.NewProject().Apply(change)).LegacyAdmin()
	if c.AllowLocalhost || c.CredentialEnabled || len(c.Domains) != 1 || len(c.TeamMemberDefaultPermissions) != 0 || len(c.TeamCreatorDefaultPermissions) != 1 {
		t.Errorf("config = %+v", c)
	}
}

func TestNewProject_permissions(t *testing.T) {
	r := renderAlone(config.NewProject())
	for permission, want := range map[string]string{
		"team_member": `{"$read_members":true,"$invite_members":true}`,
		"team_admin":  `{"$update_team":true,"$delete_team":true,"$read_members":true,"$remove_members":true,"$invite_members":true,"$manage_api_keys":true}`,
	} {
		if got := at(t, r, "rbac", "permissions", permission, "containedPermissionIds"); got != want {
			t.Errorf("%s contains %s", permission, got)
		}
		if at(t, r, "rbac", "permissions", permission, "scope") != `"team"` || at(t, r, "rbac", "permissions", permission, "description") == `""` {
			t.Errorf("%s = %s", permission, at(t, r, "rbac", "permissions", permission))
		}
	}
}

func TestInternal_settings_areTheOperators(t *testing.T) {
	for _, on := range []bool{true, false} {
		c := renderAlone(config.Internal(config.InternalSettings{SignUp: on, MagicLink: on, AllowLocalhost: on})).LegacyAdmin()
		if c.SignUpEnabled != on || c.MagicLinkEnabled != on || c.AllowLocalhost != on {
			t.Errorf("settings %v: %+v", on, c)
		}
		if !c.CredentialEnabled || !c.CreateTeamOnSignUp || !c.ClientTeamCreationEnabled {
			t.Errorf("fixed switches: %+v", c)
		}
	}
	c := renderAlone(config.Internal(config.InternalSettings{OAuthProviders: []string{"github", "google"}})).LegacyAdmin()
	if got := fmt.Sprint(c.EnabledOAuthProviders); got != "[{github} {google}]" || c.OAuthProviders[0].Type != "shared" {
		t.Errorf("providers = %s", got)
	}
}

func TestInternal_freePlan_grantsOneSeat(t *testing.T) {
	payments := at(t, renderAlone(config.Internal(config.InternalSettings{})), "payments", "products", "free")
	want := `{"displayName":"Free","customerType":"team","productLineId":"plans","isAddOnTo":false,"serverOnly":false,` +
		`"prices":{"free":{"USD":"0","interval":[1,"month"],"serverOnly":false}},` +
		`"includedItems":{"dashboard_admins":{"quantity":1,"repeat":"never","expires":"when-purchase-expires"}}}`
	if payments != want {
		t.Errorf("got  %s\nwant %s", payments, want)
	}
}

func TestDevelopment_everythingANewcomerTries_isOn(t *testing.T) {
	r := renderAlone(config.Development())
	c := r.LegacyClient()
	if !c.SignUpEnabled || !c.CredentialEnabled || !c.MagicLinkEnabled || !c.PasskeyEnabled || !c.ClientTeamCreationEnabled ||
		!c.ClientUserDeletionEnabled || !c.AllowUserAPIKeys || !c.AllowTeamAPIKeys || !c.AllowLocalhost {
		t.Errorf("config = %+v", c)
	}
	for path, want := range map[string]string{"requireEmailVerification": `false`} {
		if got := at(t, r, "onboarding", path); got != want {
			t.Errorf("onboarding.%s = %s", path, got)
		}
	}
	if at(t, r, "payments", "testMode") != `true` || at(t, r, "payments", "products", "starter") == "" || at(t, r, "payments", "items", "credits") == "" {
		t.Errorf("payments = %s", at(t, r, "payments"))
	}
}
