package config_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vestibule.dev/services/identity/internal/domain/config"
)

// patch runs LegacyPatch on JSON text with ids n1, n2, …
func patch(t *testing.T, text string) (config.Document, []string) {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	n := 0
	return config.LegacyPatch(fields, func() string { n++; return "n" + strconv.Itoa(n) })
}

func TestLegacyPatch_validFields_becomeDottedKeys(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"nothing": {`{}`, `{}`},
		"every switch": {
			`{"sign_up_enabled":false,"credential_enabled":true,"magic_link_enabled":true,"passkey_enabled":true,"client_team_creation_enabled":true,"create_team_on_sign_up":true,"client_user_deletion_enabled":true,"allow_localhost":true,"allow_user_api_keys":true,"allow_team_api_keys":true,"require_email_verification":true}`,
			`{"auth.allowSignUp":false,"auth.password.allowSignIn":true,"auth.otp.allowSignIn":true,"auth.passkey.allowSignIn":true,"teams.allowClientTeamCreation":true,"teams.createPersonalTeamOnSignUp":true,"users.allowClientUserDeletion":true,"domains.allowLocalhost":true,"apiKeys.enabled.user":true,"apiKeys.enabled.team":true,"onboarding.requireEmailVerification":true}`,
		},
		"text forms of bools": {`{"sign_up_enabled":"false","passkey_enabled":1}`, `{"auth.allowSignUp":false,"auth.passkey.allowSignIn":true}`},
		"strategy and theme": {
			`{"oauth_account_merge_strategy":"raise_error","email_theme":"` + themeID + `"}`,
			`{"auth.oauth.accountMergeStrategy":"raise_error","emails.selectedThemeId":"` + themeID + `"}`,
		},
		"shared provider": {
			`{"oauth_providers":[{"id":"google","type":"shared"}]}`,
			`{"auth.oauth.providers":{"google":{"type":"google","isShared":true,"allowSignIn":true,"allowConnectedAccounts":true}}}`,
		},
		"standard providers": {
			`{"oauth_providers":[{"id":"facebook","type":"standard","client_id":"i","client_secret":"s","facebook_config_id":"f"},{"id":"apple","type":"standard","client_id":"i","client_secret":"s","apple_bundle_ids":["a.b","c.d"]},{"id":"microsoft","type":"standard","client_id":"i","client_secret":"s","microsoft_tenant_id":"m"}]}`,
			`{"auth.oauth.providers":{"facebook":{"type":"facebook","isShared":false,"allowSignIn":true,"allowConnectedAccounts":true,"clientId":"i","clientSecret":"s","facebookConfigId":"f"},"apple":{"type":"apple","isShared":false,"allowSignIn":true,"allowConnectedAccounts":true,"clientId":"i","clientSecret":"s","appleBundles":{"n1":{"bundleId":"a.b"},"n2":{"bundleId":"c.d"}}},"microsoft":{"type":"microsoft","isShared":false,"allowSignIn":true,"allowConnectedAccounts":true,"clientId":"i","clientSecret":"s","microsoftTenantId":"m"}}}`,
		},
		"no providers": {`{"oauth_providers":[]}`, `{"auth.oauth.providers":{}}`},
		"domains": {
			`{"domains":[{"domain":"https://example.com","handler_path":"/handler"},{"domain":"http://*.example.com:3000","handler_path":"/"}]}`,
			`{"domains.trustedDomains":{"n1":{"baseUrl":"https://example.com","handlerPath":"/handler"},"n2":{"baseUrl":"http://*.example.com:3000","handlerPath":"/"}}}`,
		},
		"shared mail": {`{"email_config":{"type":"shared"}}`, `{"emails.server":{"isShared":true}}`},
		"own mail": {
			`{"email_config":{"type":"standard","host":"h","port":587,"username":"u","password":"p","sender_name":"n","sender_email":"a@b"}}`,
			`{"emails.server":{"isShared":false,"provider":"smtp","host":"h","port":587,"username":"u","password":"p","senderName":"n","senderEmail":"a@b"}}`,
		},
		"permissions": {
			`{"team_creator_default_permissions":[{"id":"team_admin"},{"id":"$read_members"}],"team_member_default_permissions":[],"user_default_permissions":[{"id":"not_defined"}]}`,
			`{"rbac.defaultPermissions.teamCreator":{"team_admin":true,"$read_members":true},"rbac.defaultPermissions.teamMember":{},"rbac.defaultPermissions.signUp":{"not_defined":true}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, problems := patch(t, tt.text)
			if len(problems) > 0 {
				t.Fatalf("problems = %q", problems)
			}
			if d.String() != tt.want {
				t.Errorf("got  %s\nwant %s", d, tt.want)
			}
			if d.Level() != config.Environment {
				t.Errorf("level = %q", d.Level())
			}
			parse(t, config.Environment, d.String())
		})
	}
}

func TestLegacyPatch_invalidFields_areNamedAllAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want []string // beginnings of lines
	}{
		"unknown":           {`{"b":1,"enabled_oauth_providers":[]}`, []string{`body.config contains unknown properties: "b", "enabled_oauth_providers"`}},
		"null":              {`{"sign_up_enabled":null,"domains":null,"email_config":null}`, []string{"body.config.sign_up_enabled must not be null", "body.config.domains must not be null", "body.config.email_config must not be null"}},
		"wrong types":       {`{"sign_up_enabled":"yes","domains":{},"email_config":[],"email_theme":{}}`, []string{"body.config.sign_up_enabled must be true or false", "body.config.email_theme must be a string", "body.config.domains must be an array", "body.config.email_config must be an object"}},
		"strategy":          {`{"oauth_account_merge_strategy":"merge"}`, []string{"body.config.oauth_account_merge_strategy must be one of link_method, raise_error, allow_duplicates"}},
		"provider id":       {`{"oauth_providers":[{"id":"myspace","type":"shared"},{"type":"other"}]}`, []string{"body.config.oauth_providers[0].id must be one of", "body.config.oauth_providers[1].id is required", "body.config.oauth_providers[1].type must be one of"}},
		"provider secrets":  {`{"oauth_providers":[{"id":"google","type":"standard","client_id":""}]}`, []string{"body.config.oauth_providers[0].client_id must not be empty", "body.config.oauth_providers[0].client_secret is required"}},
		"provider config":   {`{"oauth_providers":[{"id":"google","type":"shared","provider_config_id":"google"}]}`, []string{`body.config.oauth_providers[0] contains unknown properties: "provider_config_id"`}},
		"provider twice":    {`{"oauth_providers":[{"id":"google","type":"shared"},{"id":"google","type":"shared"}]}`, []string{"body.config.oauth_providers[1].id names a provider that is listed before"}},
		"provider bundles":  {`{"oauth_providers":[{"id":"apple","type":"shared","apple_bundle_ids":["a",{}]}]}`, []string{"body.config.oauth_providers[0].apple_bundle_ids[1] must be a string"}},
		"provider elements": {`{"oauth_providers":["google",null]}`, []string{"body.config.oauth_providers[0] must be an object", "body.config.oauth_providers[1] must be an object"}},
		"domain":            {`{"domains":[{"domain":"ftp://a","handler_path":"handler"},{"domain":"https://"},{"domain":"https://a b","handler_path":"/"}]}`, []string{"body.config.domains[0].domain must be a URL", "body.config.domains[0].handler_path must be a path", "body.config.domains[1].domain must be a URL", "body.config.domains[1].handler_path is required", "body.config.domains[2].domain must be a URL"}},
		"mail type":         {`{"email_config":{"type":"managed"}}`, []string{"body.config.email_config.type must be one of shared, standard"}},
		"mail fields":       {`{"email_config":{"type":"standard","host":"","port":65536,"username":"u","password":"` + strings.Repeat("p", 71) + `","sender_email":"nobody"}}`, []string{"body.config.email_config.host must not be empty", "body.config.email_config.port must be an integer from 0 to 65535", "body.config.email_config.password must be at most 70 characters", "body.config.email_config.sender_name is required", "body.config.email_config.sender_email must be an e-mail address"}},
		"permissions":       {`{"user_default_permissions":[{"id":"$root"},{},{"id":"A"}]}`, []string{"body.config.user_default_permissions[0].id must be", "body.config.user_default_permissions[1].id is required", "body.config.user_default_permissions[2].id must be"}},
	} {
		t.Run(name, func(t *testing.T) {
			d, problems := patch(t, tt.text)
			if !slices.EqualFunc(problems, tt.want, strings.HasPrefix) {
				t.Errorf("problems = %q\nwant       %q", problems, tt.want)
			}
			if !d.IsEmpty() {
				t.Errorf("document = %s", d)
			}
		})
	}
}

func TestLegacyPatch_applied_replacesListsWhole(t *testing.T) {
	stored := parse(t, config.Environment, `{
		"auth.oauth.providers.github": {"type":"github","allowSignIn":true},
		"domains": {"allowLocalhost":true,"trustedDomains":{"d1":{"baseUrl":"https://old"}}},
		"emails.server": {"isShared":false,"host":"h"},
		"emails.server.port": 25
	}`)
	change, problems := patch(t, `{"oauth_providers":[{"id":"google","type":"shared"}],"domains":[{"domain":"https://new","handler_path":"/h"}],"email_config":{"type":"shared"}}`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got := config.Render(config.Document{}, config.Document{}, stored.Apply(change), config.StandardBuiltIns()).LegacyAdmin()
	if !slices.Equal(got.EnabledOAuthProviders, []config.ProviderID{{ID: "google"}}) {
		t.Errorf("providers = %v", got.EnabledOAuthProviders)
	}
	if !slices.Equal(got.Domains, []config.Domain{{Domain: "https://new", HandlerPath: "/h"}}) || !got.AllowLocalhost {
		t.Errorf("domains = %v, localhost %v", got.Domains, got.AllowLocalhost)
	}
	if got.EmailConfig != (config.EmailConfig{Type: "shared"}) {
		t.Errorf("email config = %v", got.EmailConfig)
	}
}

func TestLegacyAdmin_whatWasWritten_isRead(t *testing.T) {
	const text = `{
		"sign_up_enabled":false,"credential_enabled":true,"magic_link_enabled":true,"passkey_enabled":true,
		"client_team_creation_enabled":true,"client_user_deletion_enabled":true,"allow_user_api_keys":true,
		"allow_team_api_keys":true,"allow_localhost":true,"create_team_on_sign_up":true,
		"oauth_account_merge_strategy":"allow_duplicates",
		"oauth_providers":[
			{"id":"spotify","type":"shared"},
			{"id":"apple","type":"standard","client_id":"i","client_secret":"s","apple_bundle_ids":["b","a"]}],
		"domains":[{"domain":"https://b","handler_path":"/b"},{"domain":"https://a","handler_path":"/a"}],
		"email_config":{"type":"standard","host":"h","port":25,"username":"u","password":"p","sender_name":"n","sender_email":"a@b"},
		"email_theme":"` + config.ThemeDark + `",
		"team_creator_default_permissions":[{"id":"unknown"},{"id":"team_member"},{"id":"$update_team"},{"id":"team_admin"}],
		"team_member_default_permissions":[],
		"user_default_permissions":[{"id":"team_member"}]}`
	change, problems := patch(t, text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	r := config.Render(config.Document{}, config.Document{}, config.NewProject().Apply(change), config.StandardBuiltIns())
	for name, view := range map[string]any{"legacy_admin.json": r.LegacyAdmin(), "legacy_client.json": r.LegacyClient()} {
		got, err := json.MarshalIndent(view, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, append(got, '\n'))
	}
}

func TestLegacyAdmin_providers_needTypeAndSignIn(t *testing.T) {
	r := render(t, `{"auth.oauth.providers":{
		"zz":{"type":"google","allowSignIn":true,"isShared":false},
		"untyped":{"allowSignIn":true},
		"github":{"type":"github","allowConnectedAccounts":true},
		"a_discord":{"type":"discord","allowSignIn":true}}}`)
	got := r.LegacyAdmin().OAuthProviders
	if len(got) != 2 ||
		got[0].ProviderConfigID != "a_discord" || got[0].ID != "discord" || got[0].Type != "shared" ||
		got[1].ProviderConfigID != "zz" || got[1].ID != "google" || got[1].Type != "standard" || got[1].ClientID != nil {
		t.Errorf("providers = %+v", got)
	}
}

func TestLegacyAdmin_domains_needABaseURL(t *testing.T) {
	r := render(t, `{"domains.trustedDomains":{"b":{"baseUrl":"https://b"},"none":{},"empty":{"baseUrl":""},"a":{"baseUrl":"https://a","handlerPath":"/x"}}}`)
	want := []config.Domain{{Domain: "https://a", HandlerPath: "/x"}, {Domain: "https://b", HandlerPath: "/handler"}}
	if got := r.LegacyClient().Domains; !slices.Equal(got, want) {
		t.Errorf("domains = %v", got)
	}
}

func TestLegacyAdmin_emailConfig(t *testing.T) {
	for name, tt := range map[string]struct{ server, want string }{
		"default":            {`{}`, `{"type":"shared"}`},
		"shared hides rest":  {`{"host":"h"}`, `{"type":"shared"}`},
		"incomplete":         {`{"isShared":false,"host":"h"}`, `{"type":"standard","host":"h"}`},
		"managed":            {`{"isShared":false,"provider":"managed","managedSubdomain":"mail.example.com","managedSenderLocalPart":"hello","password":"p","host":"other"}`, `{"type":"standard","host":"smtp.resend.com","port":465,"username":"resend","password":"p","sender_email":"hello@mail.example.com"}`},
		"managed incomplete": {`{"isShared":false,"provider":"managed"}`, `{"type":"standard","host":"smtp.resend.com","port":465,"username":"resend"}`},
		"resend":             {`{"isShared":false,"provider":"resend","host":"h","port":465,"username":"u","password":"p","senderName":"n","senderEmail":"a@b"}`, `{"type":"standard","host":"h","port":465,"username":"u","password":"p","sender_name":"n","sender_email":"a@b"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := json.Marshal(render(t, `{"emails.server":`+tt.server+`}`).LegacyAdmin().EmailConfig)
			if err != nil || string(got) != tt.want {
				t.Errorf("got  %s (%v)\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestLegacyAdmin_defaultPermissions_areInPermissionOrder(t *testing.T) {
	r := render(t, `{"rbac":{"permissions":{"b":{},"B":{},"a_z":{},"a:z":{},"a1":{},"az":{}},
		"defaultPermissions":{"signUp":{"az":true,"B":true,"a_z":true,"b":true,"a1":true,"a:z":true,"$read_members":true,"$unknown":true,"missing":true}}}}`)
	want := "[{$read_members} {a1} {a:z} {az} {a_z} {b} {B}]"
	if got := fmt.Sprint(r.LegacyAdmin().UserDefaultPermissions); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
