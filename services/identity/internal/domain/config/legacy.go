package config

import (
	"cmp"
	"slices"
	"strings"
)

// The legacy configuration is the nested object that operator clients and the
// sign-in pages of the SDKs know; its field names are those of the API.

// ClientConfig is the part of the configuration that any client of a project
// may read. All fields are always present.
type ClientConfig struct {
	SignUpEnabled             bool         `json:"sign_up_enabled"`
	CredentialEnabled         bool         `json:"credential_enabled"`
	MagicLinkEnabled          bool         `json:"magic_link_enabled"`
	PasskeyEnabled            bool         `json:"passkey_enabled"`
	ClientTeamCreationEnabled bool         `json:"client_team_creation_enabled"`
	ClientUserDeletionEnabled bool         `json:"client_user_deletion_enabled"`
	AllowUserAPIKeys          bool         `json:"allow_user_api_keys"`
	AllowTeamAPIKeys          bool         `json:"allow_team_api_keys"`
	AllowLocalhost            bool         `json:"allow_localhost"`
	EnabledOAuthProviders     []ProviderID `json:"enabled_oauth_providers"` // sorted by id
	Domains                   []Domain     `json:"domains"`                 // sorted by domain
}

// AdminConfig is the whole legacy configuration. It holds secrets.
type AdminConfig struct {
	ClientConfig
	CreateTeamOnSignUp        bool            `json:"create_team_on_sign_up"`
	OAuthAccountMergeStrategy string          `json:"oauth_account_merge_strategy"`
	OAuthProviders            []OAuthProvider `json:"oauth_providers"` // sorted by id
	EmailConfig               EmailConfig     `json:"email_config"`
	EmailTheme                string          `json:"email_theme"`
	// Default permissions are in permission order; ids without a definition
	// are hidden.
	TeamCreatorDefaultPermissions []PermissionID `json:"team_creator_default_permissions"`
	TeamMemberDefaultPermissions  []PermissionID `json:"team_member_default_permissions"`
	UserDefaultPermissions        []PermissionID `json:"user_default_permissions"`
}

// ProviderID names an OAuth provider, such as google.
type ProviderID struct {
	ID string `json:"id"`
}

// PermissionID names a permission definition.
type PermissionID struct {
	ID string `json:"id"`
}

// Domain is a trusted domain.
type Domain struct {
	Domain      string `json:"domain"` // scheme and host, possibly with wildcards
	HandlerPath string `json:"handler_path"`
}

// OAuthProvider is a provider that users can sign in with. Nil fields are not
// configured and left out.
type OAuthProvider struct {
	ProviderConfigID  string   `json:"provider_config_id"` // key in auth.oauth.providers
	ID                string   `json:"id"`                 // provider type
	Type              string   `json:"type"`               // shared or standard
	ClientID          *string  `json:"client_id,omitempty"`
	ClientSecret      *string  `json:"client_secret,omitempty"`
	FacebookConfigID  *string  `json:"facebook_config_id,omitempty"`
	MicrosoftTenantID *string  `json:"microsoft_tenant_id,omitempty"`
	AppleBundleIDs    []string `json:"apple_bundle_ids,omitempty"`
}

// EmailConfig is the mail server. With type shared nothing else is set; with
// type standard, fields that are not configured are nil and left out.
type EmailConfig struct {
	Type        string   `json:"type"` // shared or standard
	Host        *string  `json:"host,omitempty"`
	Port        *float64 `json:"port,omitempty"`
	Username    *string  `json:"username,omitempty"`
	Password    *string  `json:"password,omitempty"`
	SenderName  *string  `json:"sender_name,omitempty"`
	SenderEmail *string  `json:"sender_email,omitempty"`
}

// LegacyClient returns what clients of the project see.
func (r Rendered) LegacyClient() ClientConfig {
	c := ClientConfig{
		SignUpEnabled:             r.on("auth", "allowSignUp"),
		CredentialEnabled:         r.on("auth", "password", "allowSignIn"),
		MagicLinkEnabled:          r.on("auth", "otp", "allowSignIn"),
		PasskeyEnabled:            r.on("auth", "passkey", "allowSignIn"),
		ClientTeamCreationEnabled: r.on("teams", "allowClientTeamCreation"),
		ClientUserDeletionEnabled: r.on("users", "allowClientUserDeletion"),
		AllowUserAPIKeys:          r.on("apiKeys", "enabled", "user"),
		AllowTeamAPIKeys:          r.on("apiKeys", "enabled", "team"),
		AllowLocalhost:            r.on("domains", "allowLocalhost"),
		EnabledOAuthProviders:     []ProviderID{},
		Domains:                   r.domains(),
	}
	for _, p := range r.oauthProviders() {
		id := p.ID
		if id == customOIDC {
			// Its type says nothing: there may be several of them.
			id = p.ProviderConfigID
		}
		c.EnabledOAuthProviders = append(c.EnabledOAuthProviders, ProviderID{id})
	}
	return c
}

// LegacyAdmin returns what the operators of the project see, secrets included.
func (r Rendered) LegacyAdmin() AdminConfig {
	return AdminConfig{
		ClientConfig:                  r.LegacyClient(),
		CreateTeamOnSignUp:            r.on("teams", "createPersonalTeamOnSignUp"),
		OAuthAccountMergeStrategy:     r.text("auth", "oauth", "accountMergeStrategy"),
		OAuthProviders:                r.oauthProviders(),
		EmailConfig:                   r.emailConfig(),
		EmailTheme:                    r.text("emails", "selectedThemeId"),
		TeamCreatorDefaultPermissions: r.defaultPermissions("teamCreator"),
		TeamMemberDefaultPermissions:  r.defaultPermissions("teamMember"),
		UserDefaultPermissions:        r.defaultPermissions("signUp"),
	}
}

func (r Rendered) on(path ...string) bool { return r.root.at(path...) == true }

func (r Rendered) text(path ...string) string {
	s, _ := r.root.at(path...).(string)
	return s
}

// entries returns the members of a record that are objects.
func (r Rendered) entries(path ...string) []member {
	record, _ := r.root.at(path...).(*object)
	return slices.DeleteFunc(slices.Clone(record.all()), func(m member) bool { return !is[*object](m.value) })
}

// optional returns a pointer to a value of type T, or nil if there is none.
func optional[T any](o *object, key string) *T {
	if v, ok := o.get(key).(T); ok {
		return &v
	}
	return nil
}

func (r Rendered) oauthProviders() []OAuthProvider {
	providers := []OAuthProvider{}
	for _, m := range r.entries("auth", "oauth", "providers") {
		p, _ := m.value.(*object)
		if p.get("allowSignIn") != true {
			continue
		}
		providerType, _ := p.get("type").(string)
		out := OAuthProvider{
			ProviderConfigID:  m.key,
			ID:                providerType,
			Type:              "standard",
			ClientID:          optional[string](p, "clientId"),
			ClientSecret:      optional[string](p, "clientSecret"),
			FacebookConfigID:  optional[string](p, "facebookConfigId"),
			MicrosoftTenantID: optional[string](p, "microsoftTenantId"),
		}
		if p.get("isShared") == true {
			out.Type = "shared"
		}
		bundles, _ := p.get("appleBundles").(*object)
		for _, bundle := range bundles.all() {
			if o, ok := bundle.value.(*object); ok {
				if id, ok := o.get("bundleId").(string); ok {
					out.AppleBundleIDs = append(out.AppleBundleIDs, id)
				}
			}
		}
		providers = append(providers, out)
	}
	slices.SortFunc(providers, func(a, b OAuthProvider) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.ProviderConfigID, b.ProviderConfigID))
	})
	return providers
}

func (r Rendered) domains() []Domain {
	domains := []Domain{}
	for _, m := range r.entries("domains", "trustedDomains") {
		d, _ := m.value.(*object)
		baseURL, _ := d.get("baseUrl").(string)
		handlerPath, _ := d.get("handlerPath").(string)
		if baseURL != "" {
			domains = append(domains, Domain{Domain: baseURL, HandlerPath: handlerPath})
		}
	}
	slices.SortStableFunc(domains, func(a, b Domain) int { return strings.Compare(a.Domain, b.Domain) })
	return domains
}

// The relay behind provider "managed".
const (
	managedHost     = "smtp.resend.com"
	managedPort     = 465.0
	managedUsername = "resend"
)

func (r Rendered) emailConfig() EmailConfig {
	server, _ := r.root.at("emails", "server").(*object)
	if server.get("isShared") == true {
		return EmailConfig{Type: "shared"}
	}
	c := EmailConfig{
		Type:        "standard",
		Host:        optional[string](server, "host"),
		Port:        optional[float64](server, "port"),
		Username:    optional[string](server, "username"),
		Password:    optional[string](server, "password"),
		SenderName:  optional[string](server, "senderName"),
		SenderEmail: optional[string](server, "senderEmail"),
	}
	if server.get("provider") == "managed" {
		c.Host, c.Port, c.Username = new(managedHost), new(managedPort), new(managedUsername)
		c.SenderEmail = nil
		local, subdomain := optional[string](server, "managedSenderLocalPart"), optional[string](server, "managedSubdomain")
		if local != nil && subdomain != nil {
			c.SenderEmail = new(*local + "@" + *subdomain)
		}
	}
	return c
}

func (r Rendered) defaultPermissions(of string) []PermissionID {
	defined, _ := r.root.at("rbac", "permissions").(*object)
	record, _ := r.root.at("rbac", "defaultPermissions", of).(*object)
	list := []PermissionID{}
	for _, m := range record.all() {
		if m.value == true && (defined.has(m.key) || slices.Contains(systemPermissions, m.key)) {
			list = append(list, PermissionID{m.key})
		}
	}
	slices.SortFunc(list, func(a, b PermissionID) int { return comparePermissions(a.ID, b.ID) })
	return list
}

// comparePermissions is the permission order of the API: upper-cased ids by
// code unit, lower case first among equals.
func comparePermissions(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToUpper(a), strings.ToUpper(b)), strings.Compare(b, a))
}
