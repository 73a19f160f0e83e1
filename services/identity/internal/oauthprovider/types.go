package oauthprovider

import (
	"golang.org/x/oauth2"

	"vestibule.dev/services/identity/internal/domain"
)

// trust says what a type's word about an address is worth.
type trust uint8

const (
	// By default addresses are verified when the provider says so.
	_ trust = iota
	// never verified: the provider does not tell, or lets people write what
	// they want.
	never
	// always verified.
	always
)

// kind is what there is to know about a type of provider.
type kind struct {
	scopes      []string
	endpoint    oauth2.Endpoint
	userInfoURL string
	// emailsURL lists the addresses of an account; empty when userInfoURL does.
	emailsURL string
	// issuer and jwksURL verify identity tokens; empty for types without, or
	// whose tokens say no more than the user info.
	issuer, jwksURL string
	// callbackIssuer is what the type calls itself on the way back (RFC 9207)
	// if it is not issuer.
	callbackIssuer string
	emails         trust
	// withoutPKCE is set for types that refuse the parameters of RFC 7636.
	withoutPKCE bool
	// byPost is set for types that lead browsers back with a POST.
	byPost bool
	// extra are parameters of the authorization request.
	extra map[string]string
	// lifetime in seconds is assumed for access tokens that tell none; 0 means
	// no end.
	lifetime int64
	read     reader
}

// custom is what there is to know about providers of which a project names the
// issuer: the rest is discovered.
var custom = kind{scopes: []string{"openid", "email", "profile"}, read: readStandard}

// kindOf returns what there is to know about a type.
func kindOf(name string) kind {
	if name == domain.CustomOIDC {
		return custom
	}
	return kinds[name]
}

// kinds are the twelve types. {tenant} stands for a Microsoft tenant.
var kinds = map[string]kind{
	"google": {
		scopes: []string{"openid", "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/userinfo.profile"},
		endpoint: oauth2.Endpoint{
			AuthURL: "https://accounts.google.com/o/oauth2/v2/auth", TokenURL: "https://oauth2.googleapis.com/token", AuthStyle: oauth2.AuthStyleInParams,
		},
		userInfoURL: "https://openidconnect.googleapis.com/v1/userinfo",
		issuer:      "https://accounts.google.com",
		jwksURL:     "https://www.googleapis.com/oauth2/v3/certs",
		extra:       map[string]string{"include_granted_scopes": "true"},
		read:        readStandard,
	},
	"github": {
		scopes: []string{"user:email"},
		endpoint: oauth2.Endpoint{
			AuthURL: "https://github.com/login/oauth/authorize", TokenURL: "https://github.com/login/oauth/access_token", AuthStyle: oauth2.AuthStyleInParams,
		},
		userInfoURL:    "https://api.github.com/user",
		emailsURL:      "https://api.github.com/user/emails",
		callbackIssuer: "https://github.com/login/oauth",
		lifetime:       8 * 60 * 60,
		read:           readGitHub,
	},
	"microsoft": {
		scopes: []string{"User.Read", "openid"},
		endpoint: oauth2.Endpoint{
			AuthURL:   "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
			TokenURL:  "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
		userInfoURL: "https://graph.microsoft.com/v1.0/me",
		emails:      never,
		read:        readMicrosoft,
	},
	"spotify": {
		scopes: []string{"user-read-email", "user-read-private"},
		endpoint: oauth2.Endpoint{
			AuthURL: "https://accounts.spotify.com/authorize", TokenURL: "https://accounts.spotify.com/api/token", AuthStyle: oauth2.AuthStyleInHeader,
		},
		userInfoURL: "https://api.spotify.com/v1/me",
		emails:      never,
		read:        readSpotify,
	},
	"facebook": {
		scopes: []string{"openid", "public_profile", "email"},
		endpoint: oauth2.Endpoint{
			AuthURL: "https://www.facebook.com/v22.0/dialog/oauth", TokenURL: "https://graph.facebook.com/v22.0/oauth/access_token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
		userInfoURL: "https://graph.facebook.com/v22.0/me?fields=id,name,email,picture.type(large)",
		emails:      never,
		read:        readFacebook,
	},
	"discord": {
		scopes: []string{"identify", "email"},
		endpoint: oauth2.Endpoint{
			AuthURL: "https://discord.com/oauth2/authorize", TokenURL: "https://discord.com/api/oauth2/token", AuthStyle: oauth2.AuthStyleInParams,
		},
		userInfoURL: "https://discord.com/api/users/@me",
		read:        readDiscord,
	},
	"gitlab": {
		scopes: []string{"read_user"},
		endpoint: oauth2.Endpoint{
			AuthURL: "https://gitlab.com/oauth/authorize", TokenURL: "https://gitlab.com/oauth/token", AuthStyle: oauth2.AuthStyleInParams,
		},
		userInfoURL: "https://gitlab.com/api/v4/user",
		read:        readGitLab,
	},
	"bitbucket": {
		scopes: []string{"account", "email"},
		endpoint: oauth2.Endpoint{
			AuthURL: "https://bitbucket.org/site/oauth2/authorize", TokenURL: "https://bitbucket.org/site/oauth2/access_token",
			AuthStyle: oauth2.AuthStyleInHeader,
		},
		userInfoURL: "https://api.bitbucket.org/2.0/user",
		emailsURL:   "https://api.bitbucket.org/2.0/user/emails",
		read:        readBitbucket,
	},
	"linkedin": {
		scopes: []string{"openid", "profile", "email"},
		endpoint: oauth2.Endpoint{
			AuthURL: "https://www.linkedin.com/oauth/v2/authorization", TokenURL: "https://www.linkedin.com/oauth/v2/accessToken",
			AuthStyle: oauth2.AuthStyleInParams,
		},
		userInfoURL: "https://api.linkedin.com/v2/userinfo",
		withoutPKCE: true,
		read:        readStandard,
	},
	"apple": {
		scopes: []string{"name", "email"},
		endpoint: oauth2.Endpoint{
			AuthURL: "https://appleid.apple.com/auth/authorize", TokenURL: "https://appleid.apple.com/auth/token", AuthStyle: oauth2.AuthStyleInParams,
		},
		issuer:  "https://appleid.apple.com",
		jwksURL: "https://appleid.apple.com/auth/keys",
		byPost:  true,
		extra:   map[string]string{"response_mode": "form_post"},
		read:    readStandard,
	},
	"x": {
		scopes: []string{"users.read", "offline.access", "tweet.read"},
		endpoint: oauth2.Endpoint{
			AuthURL: "https://x.com/i/oauth2/authorize", TokenURL: "https://api.x.com/2/oauth2/token", AuthStyle: oauth2.AuthStyleInHeader,
		},
		userInfoURL: "https://api.x.com/2/users/me?user.fields=id,name,profile_image_url",
		emails:      never,
		read:        readX,
	},
	"twitch": {
		scopes: []string{"user:read:email"},
		endpoint: oauth2.Endpoint{
			AuthURL: "https://id.twitch.tv/oauth2/authorize", TokenURL: "https://id.twitch.tv/oauth2/token", AuthStyle: oauth2.AuthStyleInParams,
		},
		userInfoURL: "https://api.twitch.tv/helix/users",
		emails:      always,
		read:        readTwitch,
	},
}
