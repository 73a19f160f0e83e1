package config

// NewProject returns the environment override that a project starts with. The
// override made from a create request is applied over it.
func NewProject() Document {
	return environment(newProject())
}

func newProject() *object {
	return obj(
		"domains.allowLocalhost", true,
		"auth.password.allowSignIn", true,
		"rbac.permissions.team_member", teamPermission(
			"Default permission of team members", "$read_members", "$invite_members"),
		"rbac.permissions.team_admin", teamPermission(
			"Default permission of team creators", systemPermissions...),
		"rbac.defaultPermissions.teamCreator", obj("team_admin", true),
		"rbac.defaultPermissions.teamMember", obj("team_member", true),
		"apps.installed.authentication.enabled", true,
		"apps.installed.emails.enabled", true,
	)
}

// InternalSettings are the operator's choices for the project "internal".
type InternalSettings struct {
	SignUp         bool
	MagicLink      bool
	AllowLocalhost bool
	// OAuthProviders are sign-in providers with the platform's shared keys.
	OAuthProviders []string
}

// Internal returns the environment override of the project "internal", whose
// users operate all other projects. Its teams own projects, so every operator
// gets a personal team; the number of seats of a team is an item granted by
// the product "free".
func Internal(s InternalSettings) Document {
	providers := &object{}
	for _, id := range s.OAuthProviders {
		providers.set(id, obj("type", id, "isShared", true, "allowSignIn", true, "allowConnectedAccounts", true))
	}
	return environment(obj(
		"auth.allowSignUp", s.SignUp,
		"auth.password.allowSignIn", true,
		"auth.otp.allowSignIn", s.MagicLink,
		"auth.oauth.providers", providers,
		"onboarding.requireEmailVerification", false,
		"teams.createPersonalTeamOnSignUp", true,
		"teams.allowClientTeamCreation", true,
		"domains.allowLocalhost", s.AllowLocalhost,
		"rbac.permissions.team_member", teamPermission(
			"Default permission of team members", "$read_members"),
		"rbac.permissions.team_admin", teamPermission(
			"Default permission of team creators", "$read_members", "$remove_members", "$update_team"),
		"rbac.defaultPermissions.teamCreator", obj("team_admin", true),
		"rbac.defaultPermissions.teamMember", obj("team_member", true),
		"apps.installed.authentication.enabled", true,
		"apps.installed.emails.enabled", true,
		"payments.items.dashboard_admins", obj("displayName", "Dashboard admins", "customerType", "team"),
		"payments.productLines.plans", obj("displayName", "Plans", "customerType", "team"),
		"payments.products.free", obj(
			"displayName", "Free",
			"customerType", "team",
			"productLineId", "plans",
			"prices", obj("free", obj("USD", "0", "interval", []any{1.0, "month"})),
			"includedItems", obj("dashboard_admins", obj("quantity", 1.0, "repeat", "never", "expires", "when-purchase-expires")),
		),
	))
}

// Development returns the environment override of the project that the dev
// stack starts with: all that a newcomer wants to try is on.
func Development() Document {
	return environment(newProject()).Apply(environment(obj(
		"auth.allowSignUp", true,
		"auth.otp.allowSignIn", true,
		"auth.passkey.allowSignIn", true,
		"onboarding.requireEmailVerification", false,
		"users.allowClientUserDeletion", true,
		"teams.allowClientTeamCreation", true,
		"apiKeys.enabled", obj("user", true, "team", true),
		"apps.installed.payments.enabled", true,
		"payments.testMode", true,
		"payments.items.credits", obj("displayName", "Credits", "customerType", "user"),
		"payments.products.starter", obj(
			"displayName", "Starter",
			"customerType", "user",
			"prices", obj("monthly", obj("USD", "9.99", "interval", []any{1.0, "month"})),
			"includedItems", obj("credits", obj("quantity", 100.0, "repeat", []any{1.0, "month"}, "expires", "when-repeated")),
		),
	)))
}

func environment(root *object) Document { return Document{level: Environment, root: root} }

func teamPermission(description string, contained ...string) *object {
	ids := &object{}
	for _, id := range contained {
		ids.set(id, true)
	}
	return obj("description", description, "scope", "team", "containedPermissionIds", ids)
}
