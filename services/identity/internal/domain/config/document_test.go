package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain/config"
)

const themeID = "11111111-2222-4333-8444-555555555555"

func TestParseDocument_validOverride_keepsItAsWritten(t *testing.T) {
	for _, tt := range []struct {
		level config.Level
		text  string
	}{
		{config.Project, `{}`},
		{config.Project, `{"project.requirePublishableClientKey":true}`},
		{config.Project, `{"project":{"requirePublishableClientKey":null},"sourceOfTruth":{"type":"hosted"}}`},
		{config.Branch, `{"teams":{"allowClientTeamCreation":true}}`},
		{config.Branch, `{"teams.allowClientTeamCreation":true}`},
		{config.Branch, `{"auth.oauth.providers.google":{"type":"google","allowSignIn":true}}`},
		{config.Environment, `{"auth.oauth.providers.google":{"type":"google","allowSignIn":true,"isShared":false,"clientId":"a","clientSecret":"b"}}`},
		{config.Environment, `{"auth.oauth.providers.$my_google:2":{"type":"google"}}`},
		{config.Environment, `{"auth.oauth.providers.apple.appleBundles.b1":{"bundleId":"com.example"}}`},
		{config.Environment, `{"domains":{"trustedDomains":{"d1":{"baseUrl":"https://example.com"}}},"domains.trustedDomains.d2":null}`},
		{config.Environment, `{"auth":null,"emails.server":null,"payments.products.p":null}`},
		{config.Environment, `{"emails.server.port":65535,"auth.signUpRules.r.priority":0}`},
		{config.Environment, `{"payments.items":{"x":{"customerType":"custom"}},"payments.items.x.displayName":"X"}`},
		{config.Environment, `{"payments.products.p":{"prices":"include-by-default","isAddOnTo":false,"freeTrial":[1,"week"]}}`},
		{config.Environment, `{"payments.products.p":{"prices":{"z":{"USD":"9.99","interval":[1,"month"]},"a":{"JPY":"100"}},"isAddOnTo":{"q":true}}}`},
		{config.Environment, `{"payments.products.p.includedItems.i":{"quantity":-2.5,"repeat":"never","expires":"never"}}`},
		{config.Environment, `{"payments.products.p.clientMetadata":{"a":[1,{"b":null}]}}`},
		{config.Environment, `{"emails.templates.` + themeID + `":{"displayName":"T","tsxSource":"<a&b>\u0001","themeId":false}}`},
		{config.Environment, `{"rbac.permissions.edit:posts":{"scope":"project","containedPermissionIds":{"$read_members":true}}}`},
		{config.Environment, `{"apps.installed.fraud-protection.enabled":true}`},
		{config.Environment, `{"customDashboards.d":{"anything":[{"goes":1}]},"customDashboards.d.anything":2}`},
		{config.Branch, `{"dbSync.externalDatabases.db":{"type":"postgres"},"dataVault":{"stores":{"s":{"displayName":"S"}}}}`},
		// String patterns are not enforced on write, nor are ids in nested keys.
		{config.Environment, `{"domains.trustedDomains.d":{"baseUrl":"no url","handlerPath":"no path"}}`},
		{config.Environment, `{"payments.items":{"a:b":{}},"payments.products.p.prices.x.USD":"free"}`},
	} {
		t.Run(string(tt.level)+tt.text, func(t *testing.T) {
			if got := parse(t, tt.level, tt.text).String(); got != tt.text {
				t.Errorf("stored as %s", got)
			}
		})
	}
}

func TestParseDocument_invalidOverride_quotesTheKey(t *testing.T) {
	for _, tt := range []struct {
		level config.Level
		text  string
		want  string // in the sentence
	}{
		// levels
		{config.Branch, `{"project.requirePublishableClientKey":true}`, `"project.requirePublishableClientKey" cannot be set at the branch level`},
		{config.Branch, `{"project":null}`, `"project"`},
		{config.Branch, `{"domains.trustedDomains":{}}`, `"domains.trustedDomains"`},
		{config.Branch, `{"domains":{"allowLocalhost":true}}`, `"domains" cannot`},
		{config.Branch, `{"auth":{"oauth":{"providers":{"google":{"isShared":true}}}}}`, `"auth.oauth.providers.google.isShared"`},
		{config.Branch, `{"emails.server.host":"h"}`, `"emails.server.host"`},
		{config.Branch, `{"payments.testMode":true}`, `"payments.testMode"`},
		{config.Project, `{"auth.allowSignUp":true}`, `"auth.allowSignUp"`},
		{config.Environment, `{"project":{"requirePublishableClientKey":true}}`, `"project"`},
		// unknown keys
		{config.Environment, `{"nope":1}`, `"nope" does not exist`},
		{config.Environment, `{"teams.allowEverything":true}`, `"teams.allowEverything"`},
		{config.Environment, `{"teams":{"allowEverything":true}}`, `"teams.allowEverything"`},
		{config.Environment, `{"teams.allowClientTeamCreation.x":true}`, `"teams.allowClientTeamCreation.x"`},
		{config.Environment, `{"payments.products.p":{"color":"red"}}`, `"payments.products.p.color"`},
		{config.Environment, `{"apps.installed.games.enabled":true}`, `"apps.installed.games.enabled"`},
		{config.Environment, `{"rbac.defaultPermissions":{"owner":{}}}`, `"rbac.defaultPermissions.owner"`},
		// types, without coercion
		{config.Environment, `{"auth.allowSignUp":"true"}`, `"auth.allowSignUp" must be true or false`},
		{config.Environment, `{"auth.allowSignUp":1}`, `"auth.allowSignUp"`},
		{config.Environment, `{"auth":true}`, `"auth" must be an object`},
		{config.Environment, `{"auth":[]}`, `"auth" must be an object`},
		{config.Environment, `{"emails.server.port":"25"}`, `"emails.server.port"`},
		{config.Environment, `{"emails.server.port":65536}`, `"emails.server.port"`},
		{config.Environment, `{"emails.server.port":-1}`, `"emails.server.port"`},
		{config.Environment, `{"emails.server.port":1.5}`, `"emails.server.port"`},
		{config.Environment, `{"emails.server.host":{}}`, `"emails.server.host" must be a string`},
		{config.Environment, `{"auth.signUpRules.r":{"priority":-1}}`, `"auth.signUpRules.r.priority"`},
		{config.Environment, `{"rbac.defaultPermissions.signUp":{"a":false}}`, `"rbac.defaultPermissions.signUp.a" must be true`},
		// enumerations
		{config.Environment, `{"auth.oauth.accountMergeStrategy":"merge"}`, `"auth.oauth.accountMergeStrategy"`},
		{config.Environment, `{"auth.oauth.providers.g.type":"myspace"}`, `"auth.oauth.providers.g.type"`},
		{config.Environment, `{"payments.items.x.customerType":"org"}`, `"payments.items.x.customerType"`},
		{config.Environment, `{"payments.products.p.prices":"free"}`, `"payments.products.p.prices" must be one of include-by-default, or an object`},
		{config.Environment, `{"payments.products.p.isAddOnTo":true}`, `"payments.products.p.isAddOnTo" must be false, or an object`},
		{config.Environment, `{"emails.templates.` + themeID + `.themeId":true}`, `themeId" must be false, or a string`},
		{config.Project, `{"sourceOfTruth.type":"neon"}`, `"sourceOfTruth.type"`},
		// intervals
		{config.Environment, `{"payments.autoPay.interval":[0,"day"]}`, `"payments.autoPay.interval"`},
		{config.Environment, `{"payments.autoPay.interval":[1,"hour"]}`, `"payments.autoPay.interval"`},
		{config.Environment, `{"payments.autoPay.interval":[1.5,"day"]}`, `"payments.autoPay.interval"`},
		{config.Environment, `{"payments.autoPay.interval":[1,"day",1]}`, `"payments.autoPay.interval"`},
		{config.Environment, `{"payments.autoPay.interval":"never"}`, `"payments.autoPay.interval"`},
		{config.Environment, `{"payments.products.p.includedItems.i.repeat":"always"}`, `"payments.products.p.includedItems.i.repeat"`},
		// record ids
		{config.Environment, `{"payments.items.a:b":{}}`, `"payments.items.a:b"`},
		{config.Environment, `{"payments.items.` + strings.Repeat("a", 64) + `":{}}`, `"payments.items.aaaa`},
		{config.Environment, `{"auth.oauth.providers.my-google.type":"google"}`, `"auth.oauth.providers.my-google.type"`},
		{config.Environment, `{"rbac.permissions.$read_members":{}}`, `"rbac.permissions.$read_members"`},
		{config.Environment, `{"rbac.defaultPermissions.signUp.$root":true}`, `"$root"`},
		{config.Environment, `{"emails.themes.blue":{}}`, `"emails.themes.blue"`},
		{config.Environment, `{"emails":{"themes":{"blue":{}}}}`, `"emails.themes.blue"`},
		// key syntax
		{config.Environment, `{"":1}`, `not a valid key`},
		{config.Environment, `{"teams.":1}`, `"teams."`},
		{config.Environment, `{".teams":1}`, `".teams"`},
		{config.Environment, `{"teams..x":1}`, `"teams..x"`},
		{config.Environment, `{"-a":1}`, `"-a"`},
		{config.Environment, `{"te ams":1}`, `"te ams"`},
		{config.Environment, `{"payments.items.é":{}}`, `"payments.items.é"`},
		{config.Environment, `{"teams":{"x.y":true}}`, `"teams.x.y" has a dot in a nested key`},
		{config.Environment, `{"payments.products.p.clientMetadata":{"a b":1}}`, `clientMetadata.a b"`},
		{config.Environment, `{"__proto__":{}}`, `"__proto__"`},
		{config.Environment, `{"payments.items.__proto__":{}}`, `"payments.items.__proto__"`},
		{config.Environment, `{"customDashboards":{"__proto__":{}}}`, `"customDashboards.__proto__"`},
		{config.Environment, `{"auth.allowSignUp":true,"auth.allowSignUp":false}`, `"auth.allowSignUp" appears twice`},
		{config.Environment, `{"auth":{"allowSignUp":true,"allowSignUp":false}}`, `"auth.allowSignUp" appears twice`},
		{config.Environment, `{"customDashboards.d":{"a":[1,null]}}`, `"customDashboards.d.a" holds null inside an array`},
		{config.Environment, `{"payments.products.p.includedItems.i.quantity":1e999}`, `quantity" holds a number that is out of range`},
		// not a JSON object
		{config.Environment, ``, `not valid JSON`},
		{config.Environment, `{`, `not valid JSON`},
		{config.Environment, `{"auth.allowSignUp":true}}`, `not valid JSON`},
		{config.Environment, `{"a":1,}`, `not valid JSON`},
		{config.Environment, `{"emails.server.port":NaN}`, `not valid JSON`},
		{config.Environment, `{"emails.server.port":01}`, `not valid JSON`},
		{config.Environment, `{bad key`, `not valid JSON`},
		{config.Environment, `{"bad key":1,`, `not valid JSON`},
		{config.Environment, "{\"a\":\"\xff\"}", `not valid UTF-8`},
		{config.Environment, `[]`, `must be a JSON object`},
		{config.Environment, `null`, `must be a JSON object`},
		{config.Environment, `"{}"`, `must be a JSON object`},
	} {
		t.Run(string(tt.level)+tt.text, func(t *testing.T) {
			_, err := config.ParseDocument(tt.level, tt.text)
			if message := wantRefused(t, err); !strings.Contains(message, tt.want) {
				t.Errorf("message = %s\nwant it to contain %s", message, tt.want)
			}
		})
	}
}

func TestParseDocument_hostileSize_isRefusedBriefly(t *testing.T) {
	many := make([]string, 150_000)
	for i := range many {
		many[i] = fmt.Sprintf(`"payments.items.i%d":null`, i)
	}
	for name, text := range map[string]string{
		"too long":           `{"auth":` + strings.Repeat(" ", config.MaxDocumentLength) + `{}}`,
		"deep array":         `{"customDashboards.d":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`,
		"deep object":        strings.Repeat(`{"a":`, 100_000) + `1` + strings.Repeat("}", 100_000),
		"deep dotted key":    `{"customDashboards` + strings.Repeat(".a", 400) + `":{}}`,
		"deep plain value":   `{"customDashboards` + strings.Repeat(".a", 400) + `":1}`,
		"long key":           `{"` + strings.Repeat("a", 1_000_000) + `":1}`,
		"long nested key":    `{"customDashboards":{"` + strings.Repeat("a", 1_000_000) + `":1}}`,
		"many broken rules":  `{"` + strings.Repeat("a", 1_000_000) + `":[` + strings.Repeat("null,", 700_000) + `null]}`,
		"many unknown keys":  `{"payments.products.p":{` + strings.ReplaceAll(strings.Join(many[:100_000], ","), ".", "_") + `}}`,
		"long number":        `{"emails.server.port":` + strings.Repeat("9", 1_000_000) + `}`,
		"many keys, one bad": `{` + strings.Join(many, ",") + `,"payments.items.bad!":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.ParseDocument(config.Environment, text)
			if message := wantRefused(t, err); len(message) > 500 {
				t.Errorf("message has %d bytes", len(message))
			}
		})
	}
}

func TestParseDocument_lengthInCharacters_countsRunes(t *testing.T) {
	const frame = `{"emails.server.host":""}`
	fits := strings.Repeat("é", config.MaxDocumentLength-len(frame))
	text := func(host string) string { return `{"emails.server.host":"` + host + `"}` }
	parse(t, config.Environment, text(fits))
	_, err := config.ParseDocument(config.Environment, text(fits+"é"))
	wantRefused(t, err)
}

func TestParseDocument_negativeZero_isStoredAsZero(t *testing.T) {
	d := parse(t, config.Environment, `{"payments.products.p.includedItems.i.quantity":-0.0}`)
	if want := `{"payments.products.p.includedItems.i.quantity":0}`; d.String() != want {
		t.Errorf("stored as %s", d)
	}
}

func TestApply(t *testing.T) {
	for name, tt := range map[string]struct{ base, over, want string }{
		"new key is added": {
			`{"auth.allowSignUp":true}`, `{"teams.allowClientTeamCreation":true}`,
			`{"auth.allowSignUp":true,"teams.allowClientTeamCreation":true}`,
		},
		"same key is replaced": {
			`{"auth.allowSignUp":true}`, `{"auth.allowSignUp":false}`, `{"auth.allowSignUp":false}`,
		},
		"key replaces its dotted descendants": {
			`{"teams.allowClientTeamCreation":true,"teams.createPersonalTeamOnSignUp":true,"auth.allowSignUp":true}`, `{"teams":{}}`,
			`{"auth.allowSignUp":true,"teams":{}}`,
		},
		"longer name with the same beginning stays": {
			`{"auth.signUpRulesDefaultAction":"reject"}`, `{"auth.signUpRules":{}}`,
			`{"auth.signUpRulesDefaultAction":"reject","auth.signUpRules":{}}`,
		},
		"dotted key is added beside the nested object": {
			`{"teams":{"allowClientTeamCreation":true}}`, `{"teams.allowClientTeamCreation":false}`,
			`{"teams":{"allowClientTeamCreation":true},"teams.allowClientTeamCreation":false}`,
		},
		"keys of the new document do not displace one another": {
			`{"domains.trustedDomains.a":{},"domains.allowLocalhost":true}`,
			`{"domains":{"trustedDomains":{}},"domains.trustedDomains.b":{"baseUrl":"https://b"}}`,
			`{"domains":{"trustedDomains":{}},"domains.trustedDomains.b":{"baseUrl":"https://b"}}`,
		},
		"null is a value": {
			`{"teams.allowClientTeamCreation":true}`, `{"teams":null}`, `{"teams":null}`,
		},
		"nothing changes nothing": {
			`{"auth.allowSignUp":true}`, `{}`, `{"auth.allowSignUp":true}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := parse(t, config.Environment, tt.base).Apply(parse(t, config.Environment, tt.over))
			if got.String() != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestApply_emptyDocument_takesTheLevel(t *testing.T) {
	d := config.Document{}.Apply(parse(t, config.Branch, `{"auth.allowSignUp":false}`))
	if d.Level() != config.Branch || d.IsEmpty() {
		t.Errorf("level %q, empty %v", d.Level(), d.IsEmpty())
	}
}

func TestCheckSize_grownByPatches_isRefused(t *testing.T) {
	half := func(id string) config.Document {
		return parse(t, config.Environment, `{"customDashboards.`+id+`":"`+strings.Repeat("x", config.MaxDocumentLength/2)+`"}`)
	}
	one := half("a")
	if err := one.CheckSize(); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, one.Apply(half("b")).CheckSize())
}

func TestReset(t *testing.T) {
	for name, tt := range map[string]struct {
		base string
		keys []string
		want string
	}{
		"exact key":               {`{"auth.allowSignUp":true,"auth.otp.allowSignIn":true}`, []string{"auth.allowSignUp"}, `{"auth.otp.allowSignIn":true}`},
		"dotted descendants":      {`{"auth.allowSignUp":true,"auth.otp.allowSignIn":true,"teams":{}}`, []string{"auth"}, `{"teams":{}}`},
		"part of a nested object": {`{"teams":{"allowClientTeamCreation":true,"createPersonalTeamOnSignUp":true}}`, []string{"teams.allowClientTeamCreation"}, `{"teams":{"createPersonalTeamOnSignUp":true}}`},
		"emptied objects vanish":  {`{"auth":{"otp":{"allowSignIn":true}},"teams":{}}`, []string{"auth.otp.allowSignIn"}, `{"teams":{}}`},
		"nested below dotted":     {`{"domains.trustedDomains":{"a":{"baseUrl":"x","handlerPath":"/y"}}}`, []string{"domains.trustedDomains.a.baseUrl"}, `{"domains.trustedDomains":{"a":{"handlerPath":"/y"}}}`},
		"nested and dotted":       {`{"teams":{"allowClientTeamCreation":true},"teams.allowClientTeamCreation":false}`, []string{"teams.allowClientTeamCreation"}, `{}`},
		"key below a plain value": {`{"auth.allowSignUp":true}`, []string{"auth.allowSignUp.x"}, `{"auth.allowSignUp":true}`},
		"same beginning":          {`{"auth.signUpRulesDefaultAction":"reject"}`, []string{"auth.signUpRules"}, `{"auth.signUpRulesDefaultAction":"reject"}`},
		"null values":             {`{"teams":null}`, []string{"teams"}, `{}`},
		"unknown keys":            {`{"teams":{}}`, []string{"nope", "", ".", "teams.", "a..b", strings.Repeat("a.", 1e6)}, `{"teams":{}}`},
		"no keys":                 {`{"teams":{}}`, nil, `{"teams":{}}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := parse(t, config.Environment, tt.base).Reset(tt.keys); got.String() != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestParseDocument_oldKeyNames_areTranslated(t *testing.T) {
	for name, tt := range map[string]struct {
		level      config.Level
		text, want string
	}{
		"theme": {config.Branch, `{"emails.theme":"` + themeID + `"}`, `{"emails.selectedThemeId":"` + themeID + `"}`},
		"theme nested": {
			config.Environment, `{"emails":{"theme":"a"}}`, `{"emails":{"selectedThemeId":"a"}}`,
		},
		"current spelling wins": {
			config.Environment, `{"emails.selectedThemeId":"new","emails.theme":"old"}`, `{"emails.selectedThemeId":"new"}`,
		},
		"current spelling wins, nested": {
			config.Environment, `{"emails":{"theme":"old","selectedThemeId":"new"}}`, `{"emails":{"selectedThemeId":"new"}}`,
		},
		"offers": {
			config.Branch, `{"payments.offers.p":{"displayName":"P"},"payments.offers.p.displayName":"Q"}`,
			`{"payments.products.p":{"displayName":"P"},"payments.products.p.displayName":"Q"}`,
		},
		"offers nested": {
			config.Branch, `{"payments":{"offers":{"p":{"groupId":"g"}}}}`, `{"payments":{"products":{"p":{"productLineId":"g"}}}}`,
		},
		"catalogId dotted": {
			config.Branch, `{"payments.offers.p.catalogId":"g"}`, `{"payments.products.p.productLineId":"g"}`,
		},
		"catalogs take the customer type of a product": {
			config.Branch,
			`{"payments":{"catalogs":{"plans":{"displayName":"Plans"},"unused":{}},"products":{"a":{"customerType":"team","catalogId":"plans"}}}}`,
			`{"payments":{"productLines":{"plans":{"displayName":"Plans","customerType":"team"}},"products":{"a":{"customerType":"team","productLineId":"plans"}}}}`,
		},
		"groups across dotted keys": {
			config.Branch,
			`{"payments.groups":{"g":{"customerType":null},"h":{"customerType":"custom"}},"payments.offers.a.groupId":"g","payments.offers.a.customerType":"team","payments.offers.b":{"groupId":"h"}}`,
			`{"payments.productLines":{"g":{"customerType":"team"},"h":{"customerType":"custom"}},"payments.products.a.productLineId":"g","payments.products.a.customerType":"team","payments.products.b":{"productLineId":"h"}}`,
		},
		"single line": {
			config.Branch,
			`{"payments.catalogs.g":{},"payments.catalogs.g.displayName":"G","payments.catalogs.gone":{},"payments.catalogs.gone.displayName":"x","payments.products":{"a":{"catalogId":"g"}}}`,
			`{"payments.productLines.g":{"customerType":"user"},"payments.productLines.g.displayName":"G","payments.products":{"a":{"productLineId":"g"}}}`,
		},
		"catalogs without products": {config.Environment, `{"payments.catalogs":{"c":{"displayName":"C"}}}`, `{"payments.productLines":{}}`},
		"current product lines stay": {
			config.Environment, `{"payments.productLines":{"unused":{}}}`, `{"payments.productLines":{"unused":{}}}`,
		},
		"trusted domains as array": {
			config.Environment, `{"domains.trustedDomains":[{"baseUrl":"https://a"},{"baseUrl":"https://b"}]}`,
			`{"domains.trustedDomains":{"0":{"baseUrl":"https://a"},"1":{"baseUrl":"https://b"}}}`,
		},
		"trusted domains as array, nested": {
			config.Environment, `{"domains":{"trustedDomains":[]}}`, `{"domains":{"trustedDomains":{}}}`,
		},
		"removed": {
			config.Environment,
			`{"emails.themeList":{"a":{}},"emails.templateList.x":1,"sourceOfTruth":{"type":"neon"},"payments.stripeAccountId":"acct","payments":{"stripeAccountSetupComplete":true,"items":{"i":{"default":{"quantity":1},"displayName":"I"}}},"workflows":{"x":1},"workflows.y":2,"apps":{"installed":{"workflows":{"enabled":true}}},"apps.installed.workflows.enabled":true}`,
			`{"payments":{"items":{"i":{"displayName":"I"}}},"apps":{"installed":{}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := parse(t, tt.level, tt.text)
			if d.String() != tt.want {
				t.Errorf("got  %s\nwant %s", d, tt.want)
			}
			loaded, dropped, err := config.LoadDocument(tt.level, tt.text)
			if err != nil || len(dropped) > 0 || loaded.String() != tt.want {
				t.Errorf("loaded as %s, dropped %q, error %v", loaded, dropped, err)
			}
		})
	}
}

func TestParseDocument_oldKeyNamesOfAnotherLevel_areRefused(t *testing.T) {
	for level, text := range map[config.Level]string{
		config.Branch:  `{"domains.trustedDomains":[]}`,
		config.Project: `{"emails.theme":"x"}`,
	} {
		_, err := config.ParseDocument(level, text)
		wantRefused(t, err)
	}
}

func TestLoadDocument_storedWithUnknownKeys_keepsTheRest(t *testing.T) {
	d, dropped, err := config.LoadDocument(config.Environment,
		`{"auth.allowSignUp":false,"auth.retired":1,"teams":{"allowClientTeamCreation":"yes","createPersonalTeamOnSignUp":true},"emails.themes.blue":{}}`)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"auth.allowSignUp":false,"teams":{"createPersonalTeamOnSignUp":true}}`; d.String() != want {
		t.Errorf("loaded %s, want %s", d, want)
	}
	if len(dropped) != 3 || !strings.Contains(strings.Join(dropped, "\n"), `"teams.allowClientTeamCreation"`) {
		t.Errorf("dropped = %q", dropped)
	}
}

func TestLoadDocument_damagedText_isAnInternalError(t *testing.T) {
	_, _, err := config.LoadDocument(config.Branch, `{"auth":`)
	if err == nil || !strings.Contains(err.Error(), "stored branch configuration") {
		t.Fatalf("error = %v", err)
	}
	if e, ok := errors.AsType[*apierr.Error](err); ok {
		t.Errorf("a caller would see %v", e)
	}
}

func TestParseLevel(t *testing.T) {
	for _, level := range []config.Level{config.Project, config.Branch, config.Environment} {
		if got, ok := config.ParseLevel(string(level)); !ok || got != level {
			t.Errorf("ParseLevel(%q) = %q, %v", level, got, ok)
		}
	}
	for _, name := range []string{"", "organization", "Branch"} {
		if _, ok := config.ParseLevel(name); ok {
			t.Errorf("ParseLevel(%q) accepted", name)
		}
	}
}

func TestReference_everyKey_isListedWithItsDefault(t *testing.T) {
	var out strings.Builder
	for _, k := range config.Reference() {
		fmt.Fprintf(&out, "%-76s %-11s %s\n", k.Path, k.Level, strings.TrimSpace(k.Type+"  "+withEquals(k.Default)))
	}
	golden(t, "reference.txt", []byte(out.String()))
}

func withEquals(def string) string {
	if def == "" {
		return ""
	}
	return "= " + def
}

func TestDocument_string_isValidJSON(t *testing.T) {
	text := "{\"emails.server.host\":\"\u2028\u0000\\\"\\\\\\n\\r\\t</script>\\ud83d\\ude00 é\"}"
	var want, got map[string]string
	text = strings.ReplaceAll(text, "\u0000", `\u0000`)
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(parse(t, config.Environment, text).String()), &got); err != nil {
		t.Fatal(err)
	}
	if got["emails.server.host"] != want["emails.server.host"] {
		t.Errorf("got %q, want %q", got, want)
	}
}
