package projectconfig

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
)

// Config is the rendered configuration of one branch of one project. It is
// shared between goroutines: treat it and everything in it as read-only.
//
// Field names follow the configuration keys of the API contract. Records keep
// their ids as map keys.
type Config struct {
	// Tenant, Version, DisplayName and Logos describe the project itself. They
	// are not part of the rendered JSON; whoever loads it fills them in.
	Tenant ids.Tenant `json:"-"`
	// Version grows with every change of configuration or keys.
	Version     int64  `json:"-"`
	DisplayName string `json:"-"`
	Logos       Logos  `json:"-"`

	Project    Project    `json:"project"`
	Auth       Auth       `json:"auth"`
	Onboarding Onboarding `json:"onboarding"`
	Users      Users      `json:"users"`
	Teams      Teams      `json:"teams"`
	APIKeys    APIKeys    `json:"apiKeys"`
	RBAC       RBAC       `json:"rbac"`
	Domains    Domains    `json:"domains"`
	Emails     Emails     `json:"emails"`
	Payments   Payments   `json:"payments"`

	size int // bytes of the JSON, for the bound of the cache
}

// Parse reads a rendered configuration. Keys it does not know are skipped, so
// that a service understands the configuration of a newer identity. Errors quote
// no values.
func Parse(rendered []byte) (*Config, error) {
	c := &Config{size: len(rendered)}
	if err := json.Unmarshal(rendered, c); err != nil {
		return nil, fmt.Errorf("projectconfig: %w", withoutValue(err))
	}
	return c, nil
}

// ConfigVersion is the version of the project.
func (c *Config) ConfigVersion() int64 { return c.Version }

// Size is the length of the JSON the configuration was parsed from, in bytes.
func (c *Config) Size() int { return c.size }

// withoutValue reduces an error of encoding/json to where it happened: the
// value may be a password or a provider's secret.
func withoutValue(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("unexpected type of value at %q", e.Field)
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("invalid JSON at byte %d", e.Offset)
	}
	return err
}

// Logos are the URLs of the project's logos; empty when there is none.
type Logos struct {
	URL, FullURL, DarkModeURL, FullDarkModeURL string
}

// Project holds the keys that apply to all branches.
type Project struct {
	RequirePublishableClientKey bool `json:"requirePublishableClientKey"`
}

// Auth says who may sign up and how people sign in.
type Auth struct {
	AllowSignUp bool   `json:"allowSignUp"`
	Password    Method `json:"password"`
	OTP         Method `json:"otp"`
	Passkey     Method `json:"passkey"`
	OAuth       OAuth  `json:"oauth"`
	// SignUpRules are in order of evaluation: highest priority first, then by
	// id. Disabled rules are among them.
	SignUpRules SignUpRules `json:"signUpRules"`
	// SignUpRulesDefaultAction is allow or reject.
	SignUpRulesDefaultAction string `json:"signUpRulesDefaultAction"`
}

// Method is one way to sign in.
type Method struct {
	AllowSignIn bool `json:"allowSignIn"`
}

// OAuth configures sign-in with other providers.
type OAuth struct {
	// AccountMergeStrategy is link_method, raise_error or allow_duplicates.
	AccountMergeStrategy string                   `json:"accountMergeStrategy"`
	Providers            map[string]OAuthProvider `json:"providers"`
}

// OAuthProvider is one provider. With IsShared, keys of the installation are
// used and ClientID and ClientSecret are empty.
type OAuthProvider struct {
	Type                   string        `json:"type"`
	AllowSignIn            bool          `json:"allowSignIn"`
	AllowConnectedAccounts bool          `json:"allowConnectedAccounts"`
	IsShared               bool          `json:"isShared"`
	ClientID               string        `json:"clientId"`
	ClientSecret           secret.Secret `json:"clientSecret"`
	// IssuerURL is where a provider of type custom_oidc is discovered.
	IssuerURL         string                 `json:"issuerUrl"`
	FacebookConfigID  string                 `json:"facebookConfigId"`
	MicrosoftTenantID string                 `json:"microsoftTenantId"`
	AppleBundles      map[string]AppleBundle `json:"appleBundles"`
}

// AppleBundle is one native application that may sign in with Apple.
type AppleBundle struct {
	BundleID string `json:"bundleId"`
}

// SignUpRule decides about sign-ups that match its condition.
type SignUpRule struct {
	ID          string       `json:"-"`
	Enabled     bool         `json:"enabled"`
	DisplayName string       `json:"displayName"`
	Priority    int          `json:"priority"`
	Condition   string       `json:"condition"`
	Action      SignUpAction `json:"action"`
}

// SignUpAction is what a rule does: allow, reject, restrict or log. Message is
// for administrators only.
type SignUpAction struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// SignUpRules is a list of rules in order of evaluation.
type SignUpRules []SignUpRule

// UnmarshalJSON reads the record of rules and puts it in order.
func (r *SignUpRules) UnmarshalJSON(data []byte) error {
	var byID map[string]SignUpRule
	if err := json.Unmarshal(data, &byID); err != nil {
		return err
	}
	*r = make(SignUpRules, 0, len(byID))
	for id, rule := range byID {
		rule.ID = id
		*r = append(*r, rule)
	}
	slices.SortFunc(*r, func(a, b SignUpRule) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.ID, b.ID))
	})
	return nil
}

// Onboarding says what a new user has to do first.
type Onboarding struct {
	RequireEmailVerification bool `json:"requireEmailVerification"`
}

// Users says what users may do to themselves.
type Users struct {
	AllowClientUserDeletion bool `json:"allowClientUserDeletion"`
}

// Teams says how teams come into being.
type Teams struct {
	CreatePersonalTeamOnSignUp bool `json:"createPersonalTeamOnSignUp"`
	AllowClientTeamCreation    bool `json:"allowClientTeamCreation"`
}

// APIKeys says whose API keys exist.
type APIKeys struct {
	Enabled struct {
		User bool `json:"user"`
		Team bool `json:"team"`
	} `json:"enabled"`
}

// RBAC holds permission definitions and who gets which to begin with.
type RBAC struct {
	Permissions        map[string]Permission `json:"permissions"`
	DefaultPermissions DefaultPermissions    `json:"defaultPermissions"`
}

// Permission is one definition. Scope is team or project.
type Permission struct {
	Description            *string `json:"description"`
	Scope                  string  `json:"scope"`
	ContainedPermissionIDs IDSet   `json:"containedPermissionIds"`
}

// DefaultPermissions are granted to the creator of a team, to a new member of a
// team and, in project scope, to a new user.
type DefaultPermissions struct {
	TeamCreator IDSet `json:"teamCreator"`
	TeamMember  IDSet `json:"teamMember"`
	SignUp      IDSet `json:"signUp"`
}

// IDSet is a record of ids whose values are true; others do not count.
type IDSet map[string]bool

// Sorted returns the ids in the set in ascending order.
func (s IDSet) Sorted() []string {
	out := make([]string, 0, len(s))
	for id, in := range s {
		if in {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// Domains says which URLs people may be sent to.
type Domains struct {
	AllowLocalhost bool                     `json:"allowLocalhost"`
	TrustedDomains map[string]TrustedDomain `json:"trustedDomains"`
}

// TrustedDomain is one entry; one without BaseURL does not count.
type TrustedDomain struct {
	BaseURL     string `json:"baseUrl"`
	HandlerPath string `json:"handlerPath"`
}
