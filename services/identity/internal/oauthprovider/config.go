package oauthprovider

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"

	"vestibule.dev/pkg/secret"
)

// TypeConfig is what an operator decides about one type of provider. With an
// endpoint of its own, whatever is not set comes from the issuer's discovery
// document if there is an issuer, or else stays as it is.
type TypeConfig struct {
	// ClientID is the installation's own client, which projects use that have
	// none at providers of the type.
	ClientID string `env:"CLIENT_ID"`
	// ClientSecret is the secret of that client.
	ClientSecret secret.Secret `env:"CLIENT_SECRET"`

	// Issuer makes the type one of OpenID Connect, whatever it was: its
	// endpoints are discovered, its identity tokens verified and its accounts
	// read from the standard claims.
	Issuer string `env:"ISSUER"`
	// AuthorizationURL is where browsers are sent, unless at the type's own place.
	AuthorizationURL string `env:"AUTHORIZATION_URL"`
	// TokenURL is where codes are exchanged, unless at the type's own place.
	TokenURL string `env:"TOKEN_URL"`
	// UserInfoURL is where accounts are read, unless at the type's own place.
	UserInfoURL string `env:"USERINFO_URL"`
	// EmailsURL is where the addresses of an account are read, for types that
	// tell them apart from it.
	EmailsURL string `env:"EMAILS_URL"`
	// JWKSURL is where the keys of identity tokens are, unless at the type's own
	// place.
	JWKSURL string `env:"JWKS_URL"`
}

// overridden reports whether the type is not served by who it is named after.
func (c TypeConfig) overridden() bool {
	return c.Issuer != "" || c.AuthorizationURL != "" || c.TokenURL != "" || c.UserInfoURL != "" || c.EmailsURL != "" || c.JWKSURL != ""
}

// Config holds the settings of all types.
type Config struct {
	// AllowNetworks are networks outside the public Internet in which projects
	// may have OpenID providers of their own. With any, such providers need no
	// TLS either: for development and private installations.
	AllowNetworks []netip.Prefix `env:"OAUTH_ALLOW_NETWORKS"`

	Google    TypeConfig `envPrefix:"OAUTH_GOOGLE_"`
	GitHub    TypeConfig `envPrefix:"OAUTH_GITHUB_"`
	Microsoft TypeConfig `envPrefix:"OAUTH_MICROSOFT_"`
	Spotify   TypeConfig `envPrefix:"OAUTH_SPOTIFY_"`
	Facebook  TypeConfig `envPrefix:"OAUTH_FACEBOOK_"`
	Discord   TypeConfig `envPrefix:"OAUTH_DISCORD_"`
	GitLab    TypeConfig `envPrefix:"OAUTH_GITLAB_"`
	Bitbucket TypeConfig `envPrefix:"OAUTH_BITBUCKET_"`
	LinkedIn  TypeConfig `envPrefix:"OAUTH_LINKEDIN_"`
	Apple     TypeConfig `envPrefix:"OAUTH_APPLE_"`
	X         TypeConfig `envPrefix:"OAUTH_X_"`
	Twitch    TypeConfig `envPrefix:"OAUTH_TWITCH_"`
}

// byType names the settings as the types are named.
func (c Config) byType() map[string]TypeConfig {
	return map[string]TypeConfig{
		"google": c.Google, "github": c.GitHub, "microsoft": c.Microsoft, "spotify": c.Spotify, "facebook": c.Facebook,
		"discord": c.Discord, "gitlab": c.GitLab, "bitbucket": c.Bitbucket, "linkedin": c.LinkedIn, "apple": c.Apple,
		"x": c.X, "twitch": c.Twitch,
	}
}

// Validate reports every setting that makes no sense.
func (c Config) Validate() error {
	var problems []error
	for name, t := range c.byType() {
		for variable, text := range map[string]string{
			"ISSUER": t.Issuer, "AUTHORIZATION_URL": t.AuthorizationURL, "TOKEN_URL": t.TokenURL,
			"USERINFO_URL": t.UserInfoURL, "EMAILS_URL": t.EmailsURL, "JWKS_URL": t.JWKSURL,
		} {
			u, err := url.Parse(text)
			if text != "" && (err != nil || u.Host == "" || !slices.Contains([]string{"http", "https"}, u.Scheme)) {
				problems = append(problems, fmt.Errorf("the %s of OAuth type %s must be an http or https URL", variable, name))
			}
		}
		if (t.ClientID == "") != (t.ClientSecret == "") {
			problems = append(problems, fmt.Errorf("OAuth type %s needs both CLIENT_ID and CLIENT_SECRET, or neither", name))
		}
	}
	return errors.Join(problems...)
}
