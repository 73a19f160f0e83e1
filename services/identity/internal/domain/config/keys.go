package config

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"vestibule.dev/pkg/ids"
)

// rows is the schema: every key there is. A rendered configuration has the
// order of this table.
var rows = []row{
	{"project.requirePublishableClientKey", Project, boolean, false},
	{"sourceOfTruth.type", Project, oneOf("hosted"), "hosted"},

	{"auth.allowSignUp", Branch, boolean, true},
	{"auth.password.allowSignIn", Branch, boolean, false},
	{"auth.otp.allowSignIn", Branch, boolean, false},
	{"auth.passkey.allowSignIn", Branch, boolean, false},
	{"auth.oauth.accountMergeStrategy", Branch, oneOf(mergeStrategies...), "link_method"},
	{"auth.oauth.providers.<provider>.type", Branch, oneOf(append(slices.Clone(providerTypes), customOIDC)...), nil},
	{"auth.oauth.providers.<provider>.allowSignIn", Branch, boolean, false},
	{"auth.oauth.providers.<provider>.allowConnectedAccounts", Branch, boolean, false},
	{"auth.oauth.providers.<provider>.isShared", Environment, boolean, true},
	{"auth.oauth.providers.<provider>.clientId", Environment, text, nil},
	{"auth.oauth.providers.<provider>.clientSecret", Environment, text, nil},
	{"auth.oauth.providers.<provider>.issuerUrl", Environment, issuerURL, nil},
	{"auth.oauth.providers.<provider>.facebookConfigId", Environment, text, nil},
	{"auth.oauth.providers.<provider>.microsoftTenantId", Environment, text, nil},
	{"auth.oauth.providers.<provider>.appleBundles.<id>.bundleId", Environment, text, nil},
	{"auth.signUpRules.<id>.enabled", Branch, boolean, false},
	{"auth.signUpRules.<id>.displayName", Branch, text, nil},
	{"auth.signUpRules.<id>.priority", Branch, integer(0, maxInteger), 0.0},
	{"auth.signUpRules.<id>.condition", Branch, text, nil},
	{"auth.signUpRules.<id>.action.type", Branch, oneOf("allow", "reject", "restrict", "log"), "allow"},
	{"auth.signUpRules.<id>.action.message", Branch, text, nil},
	{"auth.signUpRulesDefaultAction", Branch, oneOf("allow", "reject"), "allow"},

	{"onboarding.requireEmailVerification", Branch, boolean, false},

	{"users.allowClientUserDeletion", Branch, boolean, false},

	{"teams.createPersonalTeamOnSignUp", Branch, boolean, false},
	{"teams.allowClientTeamCreation", Branch, boolean, false},

	{"apiKeys.enabled.user", Branch, boolean, false},
	{"apiKeys.enabled.team", Branch, boolean, false},

	{"rbac.permissions.<permission>.description", Branch, text, nil},
	{"rbac.permissions.<permission>.scope", Branch, oneOf("team", "project"), nil},
	{"rbac.permissions.<permission>.containedPermissionIds.<permissionReference>", Branch, onlyTrue, nil},
	{"rbac.defaultPermissions.teamCreator.<permissionReference>", Branch, onlyTrue, nil},
	{"rbac.defaultPermissions.teamMember.<permissionReference>", Branch, onlyTrue, nil},
	{"rbac.defaultPermissions.signUp.<permissionReference>", Branch, onlyTrue, nil},

	{"domains.allowLocalhost", Environment, boolean, false},
	{"domains.trustedDomains.<id>.baseUrl", Environment, text, nil},
	{"domains.trustedDomains.<id>.handlerPath", Environment, text, "/handler"},

	{"apps.installed.authentication.enabled", Branch, boolean, false},
	{"apps.installed.fraud-protection.enabled", Branch, boolean, false},
	{"apps.installed.onboarding.enabled", Branch, boolean, false},
	{"apps.installed.teams.enabled", Branch, boolean, false},
	{"apps.installed.rbac.enabled", Branch, boolean, false},
	{"apps.installed.api-keys.enabled", Branch, boolean, false},
	{"apps.installed.payments.enabled", Branch, boolean, false},
	{"apps.installed.emails.enabled", Branch, boolean, false},
	{"apps.installed.email-api.enabled", Branch, boolean, false},
	{"apps.installed.data-vault.enabled", Branch, boolean, false},
	{"apps.installed.webhooks.enabled", Branch, boolean, false},
	{"apps.installed.tv-mode.enabled", Branch, boolean, false},
	{"apps.installed.launch-checklist.enabled", Branch, boolean, false},
	{"apps.installed.catalyst.enabled", Branch, boolean, false},
	{"apps.installed.neon.enabled", Branch, boolean, false},
	{"apps.installed.convex.enabled", Branch, boolean, false},
	{"apps.installed.vercel.enabled", Branch, boolean, false},
	{"apps.installed.analytics.enabled", Branch, boolean, false},

	{"emails.server.isShared", Environment, boolean, true},
	{"emails.server.provider", Environment, oneOf("smtp", "resend", "managed"), "smtp"},
	{"emails.server.host", Environment, text, nil},
	{"emails.server.port", Environment, integer(0, 65535), nil},
	{"emails.server.username", Environment, text, nil},
	{"emails.server.password", Environment, text, nil},
	{"emails.server.senderName", Environment, text, nil},
	{"emails.server.senderEmail", Environment, text, nil},
	{"emails.server.managedSubdomain", Environment, text, nil},
	{"emails.server.managedSenderLocalPart", Environment, text, nil},
	{"emails.selectedThemeId", Branch, text, ThemeLight},
	{"emails.themes.<uuid>.displayName", Branch, text, nil},
	{"emails.themes.<uuid>.tsxSource", Branch, text, nil},
	{"emails.templates.<uuid>.displayName", Branch, text, nil},
	{"emails.templates.<uuid>.tsxSource", Branch, text, nil},
	{"emails.templates.<uuid>.themeId", Branch, either(onlyFalse, text), nil},

	{"payments.testMode", Environment, boolean, true},
	{"payments.blockNewPurchases", Branch, boolean, false},
	{"payments.autoPay.interval", Branch, interval, nil},
	{"payments.productLines.<id>.displayName", Branch, text, nil},
	{"payments.productLines.<id>.customerType", Branch, customerType, nil},
	{"payments.products.<id>.displayName", Branch, text, ownID{}},
	{"payments.products.<id>.customerType", Branch, customerType, "user"},
	{"payments.products.<id>.productLineId", Branch, text, nil},
	{"payments.products.<id>.isAddOnTo", Branch, onlyFalse, false},
	{"payments.products.<id>.isAddOnTo.<id>", Branch, onlyTrue, nil},
	{"payments.products.<id>.serverOnly", Branch, boolean, false},
	{"payments.products.<id>.stackable", Branch, boolean, nil},
	{"payments.products.<id>.freeTrial", Branch, interval, nil},
	{"payments.products.<id>.prices", Branch, oneOf("include-by-default"), nil},
	{"payments.products.<id>.prices.<id>.USD", Branch, amount, nil},
	{"payments.products.<id>.prices.<id>.EUR", Branch, amount, nil},
	{"payments.products.<id>.prices.<id>.GBP", Branch, amount, nil},
	{"payments.products.<id>.prices.<id>.JPY", Branch, amount, nil},
	{"payments.products.<id>.prices.<id>.INR", Branch, amount, nil},
	{"payments.products.<id>.prices.<id>.AUD", Branch, amount, nil},
	{"payments.products.<id>.prices.<id>.CAD", Branch, amount, nil},
	{"payments.products.<id>.prices.<id>.interval", Branch, interval, nil},
	{"payments.products.<id>.prices.<id>.freeTrial", Branch, interval, nil},
	{"payments.products.<id>.prices.<id>.serverOnly", Branch, boolean, false},
	{"payments.products.<id>.includedItems.<id>.quantity", Branch, number, 0.0},
	{"payments.products.<id>.includedItems.<id>.repeat", Branch, either(interval, oneOf("never")), "never"},
	{"payments.products.<id>.includedItems.<id>.expires", Branch, oneOf("never", "when-purchase-expires", "when-repeated"), "when-repeated"},
	{"payments.products.<id>.clientMetadata", Branch, anyJSON, nil},
	{"payments.products.<id>.clientReadOnlyMetadata", Branch, anyJSON, nil},
	{"payments.products.<id>.serverMetadata", Branch, anyJSON, nil},
	{"payments.items.<id>.displayName", Branch, text, ownID{}},
	{"payments.items.<id>.customerType", Branch, customerType, "user"},

	// Stored and returned; nothing here reads them.
	{"dbSync.externalDatabases.<name>", Branch, anyJSON, nil},
	{"dataVault.stores.<name>", Branch, anyJSON, nil},
	{"analytics.queryFolders.<name>", Environment, anyJSON, nil},
	{"customDashboards.<name>", Environment, anyJSON, nil},
}

var (
	customerType = oneOf("user", "team", "custom")

	// amount is a decimal string. Its form is checked where it is charged.
	amount = valueType{name: "amount", expects: `a decimal amount as string, such as "9.99"`, accepts: is[string]}

	mergeStrategies = []string{"link_method", "raise_error", "allow_duplicates"}

	// issuerURL identifies an OpenID provider (OpenID Connect Discovery 1.0
	// section 3). Whether an installation goes to providers without TLS is its
	// operator's decision.
	issuerURL = valueType{
		name:    "issuer URL",
		expects: `a URL that begins with https:// (or http:// and a name or address of this machine), without query and fragment, such as "https://id.example.com"`,
		accepts: func(v any) bool { s, ok := v.(string); return ok && isIssuerURL(s) },
	}

	// providerTypes are the OAuth providers that are known by name.
	providerTypes = []string{
		"google", "github", "microsoft", "spotify", "facebook", "discord",
		"gitlab", "bitbucket", "linkedin", "apple", "x", "twitch",
	}

	// customOIDC is the type of those that are known by their issuer.
	customOIDC = "custom_oidc"

	// systemPermissions exist in every project, in team scope.
	systemPermissions = []string{
		"$update_team", "$delete_team", "$read_members",
		"$remove_members", "$invite_members", "$manage_api_keys",
	}
)

var idRules = map[string]idRule{
	"id": {
		expects: "1 to 63 letters, digits, _ and -, not beginning with -",
		accepts: isUserSpecifiedID,
	},
	"provider": {
		expects: "lower-case letters, digits, _ and :, after an optional $",
		accepts: func(id string) bool { return isPermissionID(trimDollar(id)) },
	},
	"permission": {
		expects: "lower-case letters, digits, _ and :",
		accepts: isPermissionID,
	},
	"permissionReference": {
		expects: "lower-case letters, digits, _ and :, or one of the system permissions",
		accepts: func(id string) bool { return isPermissionID(id) || slices.Contains(systemPermissions, id) },
	},
	"uuid": {
		expects: "a UUID",
		accepts: ids.ValidUUID,
		nested:  true,
	},
	"name": {
		accepts: func(string) bool { return true },
	},
}

// schema is the compiled table.
var schema = func() *node {
	root := compile(rows, idRules)
	emails := root.fields["emails"]
	emails.fields["themes"].builtIn = func(b BuiltIns) []BuiltIn { return b.Themes }
	emails.fields["templates"].builtIn = func(b BuiltIns) []BuiltIn { return b.Templates }
	return root
}()

func isUserSpecifiedID(id string) bool {
	const maxLength = 63
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
		case c == '-' && i > 0:
		default:
			return false
		}
	}
	return id != "" && len(id) <= maxLength
}

func isIssuerURL(s string) bool {
	const maxLength = 2048
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.ContainsAny(s, "# ") || len(s) > maxLength {
		return false
	}
	address, err := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || err == nil && address.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && local
}

func isPermissionID(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == ':':
		default:
			return false
		}
	}
	return id != ""
}

func trimDollar(id string) string {
	if len(id) > 0 && id[0] == '$' {
		return id[1:]
	}
	return id
}
