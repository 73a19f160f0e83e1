package domain

import (
	"net/url"
	"slices"
	"strings"

	"vestibule.dev/pkg/ids"
)

// OAuthProviderTypes are the kinds of OAuth providers (auth.md §9.2).
var OAuthProviderTypes = []string{
	"google", "github", "microsoft", "spotify", "facebook", "discord", "gitlab", "bitbucket", "linkedin", "apple", "x", "twitch",
}

// CustomOIDC is the kind of a provider that is known by its issuer alone
// (OpenID Connect Discovery 1.0).
const CustomOIDC = "custom_oidc"

// IsOAuthProviderType reports whether there is such a kind of provider.
func IsOAuthProviderType(name string) bool {
	return name == CustomOIDC || slices.Contains(OAuthProviderTypes, name)
}

// OAuthConnection is an account at an OAuth provider that is linked to a user,
// with what it is good for.
type OAuthConnection struct {
	ids.Tenant
	OAuthAccount

	UserID                 string
	ID                     string
	AllowSignIn            bool
	AllowConnectedAccounts bool
}

// ExternalAccount is what a provider says about one of its accounts. Unknown
// parts are empty.
type ExternalAccount struct {
	ID string
	// Email is as the provider writes it.
	Email         string
	EmailVerified bool
	DisplayName   string
	// ProfileImageURL is any text.
	ProfileImageURL string
}

const (
	// maxDisplayName bounds display names in characters (protocol §9).
	maxDisplayName = 256
	// maxImageURL bounds the address of a picture in bytes.
	maxImageURL = 2048
)

// Name returns the display name as users have it; nil when there is none.
func (a *ExternalAccount) Name() *string {
	name := []rune(strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(a.DisplayName, "\x00", ""), "")))
	text := string(name[:min(len(name), maxDisplayName)])
	return NilIfEmpty(&text)
}

// Image returns the address of the account's picture; nil when there is none
// that a browser could show.
func (a *ExternalAccount) Image() *string {
	u, err := url.Parse(a.ProfileImageURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || len(a.ProfileImageURL) > maxImageURL {
		return nil
	}
	return &a.ProfileImageURL
}

// Scopes splits a list of scopes, each of which it returns once, in order.
func Scopes(text string) []string {
	var scopes []string
	for _, scope := range strings.Fields(text) {
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// Covers reports whether the granted scopes hold all that are needed.
func Covers(granted, needed []string) bool {
	return !slices.ContainsFunc(needed, func(scope string) bool { return !slices.Contains(granted, scope) })
}

// AddQuery returns the URL with the parameters set and its other parameters
// kept.
func AddQuery(raw string, parameters map[string]string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", err
	}
	query := u.Query()
	for name, value := range parameters {
		query.Set(name, value)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// WithoutFragment returns the URL without its fragment.
func WithoutFragment(raw string) string {
	before, _, _ := strings.Cut(raw, "#")
	return before
}
