package config_test

import (
	"testing"

	"vestibule.dev/services/identity/internal/domain/config"
)

func TestRender_nothingSet_isTheDefaults(t *testing.T) {
	r := config.Render(config.Document{}, config.Document{}, config.Document{}, config.StandardBuiltIns())
	golden(t, "defaults.json", indented(t, r.JSON()))
}

func TestRender_everyKindOfEntry_isCompleted(t *testing.T) {
	project := parse(t, config.Project, `{"project.requirePublishableClientKey":true}`)
	branch := parse(t, config.Branch, `{
		"auth.oauth.providers": {"google": {"type":"google","allowSignIn":true}, "untyped": {"allowSignIn":true}},
		"auth.signUpRules": {
			"b": {"enabled":true,"condition":"true","action":{"type":"reject","message":"m"}},
			"a": {}, "c": {"priority":5}},
		"payments.items.credits": {},
		"payments.productLines.plans": {"customerType":"team"},
		"payments.products.pro": {
			"customerType":"team", "productLineId":"plans", "freeTrial":[2,"week"], "stackable":true,
			"prices": {"z":{"USD":"9.99"},"a":{"EUR":"8","interval":[1,"month"],"serverOnly":true}},
			"includedItems": {"credits":{"quantity":3}},
			"clientMetadata": {"kept":1,"gone":null,"list":[{"gone":null}]}},
		"payments.products.old": {"prices":"include-by-default","isAddOnTo":{"pro":true}},
		"rbac.permissions.admin": {"scope":"team","containedPermissionIds":{"$read_members":true}},
		"dataVault.stores.main": {"displayName":"Main"}
	}`)
	environment := parse(t, config.Environment, `{
		"auth.oauth.providers.google.isShared": false,
		"auth.oauth.providers.google.clientId": "id",
		"auth.oauth.providers.google.appleBundles.b1": {"bundleId":"com.example"},
		"domains.trustedDomains.d1": {"baseUrl":"https://example.com"},
		"emails.server": {"isShared":false},
		"emails.themes.`+themeID+`": {"displayName":"Mine","tsxSource":"source"},
		"emails.selectedThemeId": "`+themeID+`",
		"emails.templates.`+themeID+`": {"displayName":"Own","tsxSource":"source","themeId":false},
		"emails.templates.822687fe-8d0a-4467-a0d1-416b6e639478.tsxSource": "our magic link"
	}`)
	builtIns := config.StandardBuiltIns()
	builtIns.Themes[0].Source = "light"
	builtIns.Templates[2].Source = "magic link"
	golden(t, "complete.json", indented(t, config.Render(project, branch, environment, builtIns).JSON()))
}

func TestRender(t *testing.T) {
	for name, tt := range map[string]struct {
		environment string
		path        []string
		want        string
	}{
		"nested":                          {`{"teams":{"allowClientTeamCreation":true}}`, []string{"teams", "allowClientTeamCreation"}, `true`},
		"dotted":                          {`{"teams.allowClientTeamCreation":true}`, []string{"teams", "allowClientTeamCreation"}, `true`},
		"dotted wins over nested":         {`{"teams.allowClientTeamCreation":false,"teams":{"allowClientTeamCreation":true}}`, []string{"teams", "allowClientTeamCreation"}, `false`},
		"nested siblings stay":            {`{"teams.allowClientTeamCreation":true,"teams":{"createPersonalTeamOnSignUp":true}}`, []string{"teams"}, `{"createPersonalTeamOnSignUp":true,"allowClientTeamCreation":true}`},
		"null takes the default":          {`{"auth":{"allowSignUp":null}}`, []string{"auth", "allowSignUp"}, `true`},
		"null object takes the defaults":  {`{"domains":null}`, []string{"domains"}, `{"allowLocalhost":false,"trustedDomains":{}}`},
		"dotted below null":               {`{"domains":null,"domains.allowLocalhost":true}`, []string{"domains", "allowLocalhost"}, `true`},
		"dotted null undoes nested":       {`{"domains":{"allowLocalhost":true},"domains.allowLocalhost":null}`, []string{"domains", "allowLocalhost"}, `false`},
		"null entry disappears":           {`{"payments.items":{"a":{},"b":null},"payments.items.a":null}`, []string{"payments", "items"}, `{}`},
		"field of missing entry drops":    {`{"domains.trustedDomains.d1.baseUrl":"https://a"}`, []string{"domains", "trustedDomains"}, `{}`},
		"field of null entry drops":       {`{"domains.trustedDomains.d1":null,"domains.trustedDomains.d1.baseUrl":"https://a"}`, []string{"domains", "trustedDomains"}, `{}`},
		"whole entry is completed":        {`{"domains.trustedDomains.d1":{"baseUrl":"https://a"}}`, []string{"domains", "trustedDomains"}, `{"d1":{"baseUrl":"https://a","handlerPath":"/handler"}}`},
		"field of nested entry":           {`{"domains":{"trustedDomains":{"d1":{"baseUrl":"https://a"}}},"domains.trustedDomains.d1.handlerPath":"/h"}`, []string{"domains", "trustedDomains", "d1", "handlerPath"}, `"/h"`},
		"dotted record replaces nested":   {`{"payments":{"items":{"a":{}}},"payments.items":{"b":{}}}`, []string{"payments", "items"}, `{"b":{"displayName":"b","customerType":"user"}}`},
		"field below a plain value drops": {`{"payments.products.p":{"isAddOnTo":false},"payments.products.p.isAddOnTo.q":true}`, []string{"payments", "products", "p", "isAddOnTo"}, `false`},
		"field below default false drops": {`{"payments.products.p":{},"payments.products.p.isAddOnTo.q":true}`, []string{"payments", "products", "p", "isAddOnTo"}, `false`},
		"field below default record":      {`{"payments.products.p":{},"payments.products.p.prices.m":{"USD":"1"}}`, []string{"payments", "products", "p", "prices"}, `{"m":{"USD":"1","serverOnly":false}}`},
		"below include-by-default drops":  {`{"payments.products.p":{"prices":"include-by-default"},"payments.products.p.prices.m":{"USD":"1"}}`, []string{"payments", "products", "p", "prices"}, `"include-by-default"`},
		"fixed objects exist":             {`{"payments.autoPay.interval":[1,"month"]}`, []string{"payments", "autoPay", "interval"}, `[1,"month"]`},
		"installed apps exist":            {`{"apps.installed.emails.enabled":true}`, []string{"apps", "installed", "emails"}, `{"enabled":true}`},
		"below missing free entry drops":  {`{"customDashboards.d.title":"x"}`, []string{"customDashboards"}, `{}`},
		"below free entry":                {`{"customDashboards.d":{"a":1},"customDashboards.d.b":2}`, []string{"customDashboards", "d"}, `{"a":1,"b":2}`},
		"order of entries is kept":        {`{"payments.items":{"z":{},"1":{},"a":{}}}`, []string{"payments", "items"}, `{"z":{"displayName":"z","customerType":"user"},"1":{"displayName":"1","customerType":"user"},"a":{"displayName":"a","customerType":"user"}}`},
		"provider without type":           {`{"auth.oauth.providers.google":{"allowSignIn":true}}`, []string{"auth", "oauth", "providers"}, `{}`},
		"rules by priority, then id":      {`{"auth.signUpRules":{"b":{},"a":{},"z":{"priority":1}}}`, []string{"auth", "signUpRules"}, `{"z":{"enabled":false,"priority":1,"action":{"type":"allow"}},"a":{"enabled":false,"priority":0,"action":{"type":"allow"}},"b":{"enabled":false,"priority":0,"action":{"type":"allow"}}}`},
		"unknown theme":                   {`{"emails.selectedThemeId":"` + themeID + `"}`, []string{"emails", "selectedThemeId"}, `"` + config.ThemeLight + `"`},
		"built-in theme":                  {`{"emails.selectedThemeId":"` + config.ThemeDark + `"}`, []string{"emails", "selectedThemeId"}, `"` + config.ThemeDark + `"`},
		"own theme with shared server":    {`{"emails.themes.` + themeID + `":{"displayName":"M"}}`, []string{"emails", "themes", themeID}, `{"displayName":"M"}`},
		"field of built-in theme":         {`{"emails.themes.` + config.ThemeDark + `.displayName":"Night"}`, []string{"emails", "themes", config.ThemeDark}, `{"displayName":"Night"}`},
		"null built-in theme":             {`{"emails.themes.` + config.ThemeDark + `":null}`, []string{"emails", "themes", config.ThemeDark}, `{"displayName":"Default Dark"}`},
		"own template with shared server": {`{"emails.templates.` + themeID + `":{"displayName":"M"}}`, []string{"emails", "templates", themeID}, ``},
		"own template with own server":    {`{"emails.server.isShared":false,"emails.templates.` + themeID + `":{"displayName":"M"}}`, []string{"emails", "templates", themeID}, `{"displayName":"M"}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := at(t, render(t, tt.environment), tt.path...); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestRender_threeLevels_laterWins(t *testing.T) {
	branch := parse(t, config.Branch, `{"teams":{"allowClientTeamCreation":true,"createPersonalTeamOnSignUp":true},"payments.items.a":{"customerType":"team"}}`)
	for name, tt := range map[string]struct{ environment, want string }{
		"dotted key changes one field":        {`{"teams.allowClientTeamCreation":false}`, `{"createPersonalTeamOnSignUp":true,"allowClientTeamCreation":false}`},
		"nested key replaces the branch's":    {`{"teams":{"allowClientTeamCreation":true}}`, `{"createPersonalTeamOnSignUp":false,"allowClientTeamCreation":true}`},
		"null goes back to the default":       {`{"teams":null}`, `{"createPersonalTeamOnSignUp":false,"allowClientTeamCreation":false}`},
		"dotted null goes back for one field": {`{"teams.allowClientTeamCreation":null}`, `{"createPersonalTeamOnSignUp":true,"allowClientTeamCreation":false}`},
	} {
		t.Run(name, func(t *testing.T) {
			r := config.Render(config.Document{}, branch, parse(t, config.Environment, tt.environment), config.BuiltIns{})
			if got := at(t, r, "teams"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	removed := config.Render(config.Document{}, branch, parse(t, config.Environment, `{"payments.items.a":null}`), config.BuiltIns{})
	if got := at(t, removed, "payments", "items"); got != `{}` {
		t.Errorf("items = %s", got)
	}
}

func TestRender_documents_areNotChanged(t *testing.T) {
	d := parse(t, config.Environment, `{"customDashboards":{"d":{"a":1}},"customDashboards.d.b":2,"teams":{},"teams.allowClientTeamCreation":true}`)
	before := d.String()
	first := config.Render(config.Document{}, config.Document{}, d, config.StandardBuiltIns()).JSON()
	second := config.Render(config.Document{}, config.Document{}, d, config.StandardBuiltIns()).JSON()
	if d.String() != before {
		t.Errorf("document became %s", d)
	}
	if string(first) != string(second) {
		t.Errorf("second rendering differs:\n%s\n%s", first, second)
	}
}

func TestHasTheme(t *testing.T) {
	r := render(t, `{"emails.themes.`+themeID+`":{}}`)
	for id, want := range map[string]bool{
		themeID: true, config.ThemeLight: true, config.ThemeDark: true, config.ThemeColorful: true,
		"": false, "22222222-2222-4333-8444-555555555555": false,
	} {
		if got := r.HasTheme(id); got != want {
			t.Errorf("HasTheme(%q) = %v", id, got)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	environment := config.Development().Apply(parse(b, config.Environment, `{
		"domains.trustedDomains": {"a":{"baseUrl":"https://a.example.com"},"b":{"baseUrl":"https://b.example.com"}},
		"auth.oauth.providers.google": {"type":"google","allowSignIn":true},
		"auth.oauth.providers.github": {"type":"github","allowSignIn":true}
	}`))
	builtIns := config.StandardBuiltIns()
	b.ReportAllocs()
	for b.Loop() {
		config.Render(config.Document{}, config.Document{}, environment, builtIns).JSON()
	}
}
