package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/domain"
)

// OAuthStore reads linked accounts and sign-ins that are on their way through
// a provider.
type OAuthStore interface {
	// OAuthAuthorization reads the sign-in of a state; nil when there is none.
	OAuthAuthorization(ctx context.Context, state string) (*PendingOAuth, error)
	// ForgetOAuthAuthorizations deletes what nobody will come back for.
	ForgetOAuthAuthorizations(ctx context.Context) error

	// OAuthSignInOwner reads whom an account signs in; nil when nobody.
	OAuthSignInOwner(ctx context.Context, tenant ids.Tenant, providerConfigID, accountID string) (*OAuthOwner, error)
	// OAuthConnections lists linked accounts, oldest first: those of a user,
	// or all when userID is empty.
	OAuthConnections(ctx context.Context, tenant ids.Tenant, userID string) ([]domain.OAuthConnection, error)
	OAuthConnection(ctx context.Context, tenant ids.Tenant, userID, connectionID string) (*domain.OAuthConnection, error)
	// ProviderTokens reads the tokens of the user's connections that are good
	// for more than a while, newest first.
	ProviderTokens(ctx context.Context, tenant ids.Tenant, userID string, connectionIDs []string, goodFor time.Duration) ([]ProviderToken, error)
}

// PendingOAuth is a sign-in that is on its way through a provider.
type PendingOAuth struct {
	Tenant ids.Tenant
	// Request is sealed.
	Request    []byte
	HasExpired bool
}

// OAuthOwner is the user whom an account signs in.
type OAuthOwner struct {
	User         *domain.User
	ConnectionID string
}

// OAuthTx writes linked accounts and sign-ins on their way.
type OAuthTx interface {
	// CreateOAuthAuthorization stores the sealed request of a state.
	CreateOAuthAuthorization(ctx context.Context, tenant ids.Tenant, state string, request []byte) error
	// ConsumeOAuthAuthorization ends a sign-in on its way and reports false
	// when somebody else was faster.
	ConsumeOAuthAuthorization(ctx context.Context, tenant ids.Tenant, state string) (consumed bool, err error)

	// CreateOAuthConnection links an account. It fails with
	// OAUTH_PROVIDER_ACCOUNT_ID_ALREADY_USED_FOR_SIGN_IN, ErrSecondSignIn,
	// ErrLinkedAlready or USER_NOT_FOUND.
	CreateOAuthConnection(ctx context.Context, connection *domain.OAuthConnection) error
	// LockOAuthConnection waits for other changes and reads a linked account.
	LockOAuthConnection(ctx context.Context, tenant ids.Tenant, userID, connectionID string) (*domain.OAuthConnection, error)
	// UpdateOAuthConnection writes a linked account. It fails like
	// CreateOAuthConnection.
	UpdateOAuthConnection(ctx context.Context, connection *domain.OAuthConnection) error
	// DeleteOAuthConnection unlinks an account and reports false when there is
	// none.
	DeleteOAuthConnection(ctx context.Context, tenant ids.Tenant, userID, connectionID string) (deleted bool, err error)
	// TouchUser raises the version of a user whose credentials changed.
	TouchUser(ctx context.Context, tenant ids.Tenant, userID string) error

	// SaveProviderToken keeps a token in place of those that it makes
	// redundant.
	SaveProviderToken(ctx context.Context, connection *domain.OAuthConnection, token NewProviderToken) error
	// DeleteProviderToken forgets a token that the provider refused.
	DeleteProviderToken(ctx context.Context, tenant ids.Tenant, userID string, token *ProviderToken) error
}

// ProviderTokenKind tells what a provider's token is for.
type ProviderTokenKind string

// Kinds of tokens.
const (
	ProviderAccessToken  ProviderTokenKind = "access"
	ProviderRefreshToken ProviderTokenKind = "refresh"
)

// ProviderToken is a token that a provider gave out for a linked account.
type ProviderToken struct {
	ID, ConnectionID string
	Kind             ProviderTokenKind
	// Sealed is opened with providerTokenPlace.
	Sealed []byte
	Scopes []string
}

// NewProviderToken is a token to be kept.
type NewProviderToken struct {
	ID     string
	Kind   ProviderTokenKind
	Sealed []byte
	Scopes []string
	// Lifetime is nil when the token does not tell when it ends.
	Lifetime *time.Duration
}

// OAuthProviders are the OAuth providers out there. Their errors are
// *apierr.Error where the contract has one.
type OAuthProviders interface {
	// SharedClient returns the client that the installation has at providers
	// of the type; ok is false when it has none.
	SharedClient(providerType string) (clientID string, clientSecret secret.Secret, ok bool)
	// BaseScopes returns the scopes that a sign-in always asks for.
	BaseScopes(providerType string) []string
	// ReturnsByPost reports whether providers of the type lead browsers back
	// with a POST, from their site to ours.
	ReturnsByPost(providerType string) bool
	// AuthorizationURL returns where to send the browser. It fails with
	// OAUTH_PROVIDER_TEMPORARILY_UNAVAILABLE.
	AuthorizationURL(ctx context.Context, client ProviderClient, request ProviderRequest) (string, error)
	// Authenticate exchanges what the browser came back with for the account
	// and its tokens. It fails with OAUTH_PROVIDER_ACCESS_DENIED,
	// OAUTH_PROVIDER_TEMPORARILY_UNAVAILABLE or a text.
	Authenticate(ctx context.Context, client ProviderClient, answer ProviderAnswer) (*ProviderIdentity, error)
	// Refresh exchanges a refresh token. refused says that the provider does
	// not accept it any more.
	Refresh(ctx context.Context, client ProviderClient, refreshToken secret.Secret) (grant *ProviderGrant, refused bool, err error)
	// Accepts reports whether the provider still accepts an access token.
	Accepts(ctx context.Context, client ProviderClient, accessToken secret.Secret) (bool, error)
	// VerifyAppleToken reads an identity token of Apple for one of the
	// bundles. It fails with INVALID_APPLE_CREDENTIALS or
	// OAUTH_PROVIDER_TEMPORARILY_UNAVAILABLE.
	VerifyAppleToken(ctx context.Context, identityToken secret.Secret, bundleIDs []string) (*domain.ExternalAccount, error)
}

// ProviderClient is a client at a provider.
type ProviderClient struct {
	Type         string
	ClientID     string
	ClientSecret secret.Secret
	// FacebookConfigID and MicrosoftTenantID are empty when unset.
	FacebookConfigID, MicrosoftTenantID string
	// Issuer is of a provider that is discovered; empty for other types.
	Issuer string
	// RedirectURL is where the provider leads back to.
	RedirectURL string
}

// ProviderRequest is what a provider is asked for.
type ProviderRequest struct {
	State, Nonce string
	Verifier     secret.Secret
	Scopes       []string
}

// ProviderAnswer is what the browser came back with, and what it was sent with.
type ProviderAnswer struct {
	Code secret.Secret
	// Error is the provider's error code (RFC 6749 section 4.1.2.1).
	Error string
	// Issuer is empty when not told (RFC 9207).
	Issuer string
	// User is what Apple tells about a user once, as JSON.
	User string

	Nonce    string
	Verifier secret.Secret
}

// ProviderIdentity is an account with the tokens that came with it.
type ProviderIdentity struct {
	Account domain.ExternalAccount
	Grant   ProviderGrant
}

// ProviderGrant is tokens of a provider.
type ProviderGrant struct {
	AccessToken secret.Secret
	// RefreshToken is empty when there is none.
	RefreshToken secret.Secret
	// Lifetime is that of the access token; nil when not told.
	Lifetime *time.Duration
}

// AuthorizationCodes makes the codes that apps exchange for sessions.
type AuthorizationCodes interface {
	CreateAuthorizationCode(ctx context.Context, code AuthorizationCode) (text string, err error)
}

// AuthorizationCode is a code to be made.
type AuthorizationCode struct {
	Tenant                             ids.Tenant
	UserID                             string
	RedirectURI                        string
	CodeChallenge, CodeChallengeMethod string
	IsNewUser                          bool
	AfterCallbackRedirectURL           string
}

// AccessTokens verifies access tokens.
type AccessTokens interface {
	// VerifyAccessToken fails with UNPARSABLE_ACCESS_TOKEN or
	// ACCESS_TOKEN_EXPIRED.
	VerifyAccessToken(ctx context.Context, token secret.Secret) (*TokenUser, error)
}

// TokenUser is the user of an access token.
type TokenUser struct {
	Tenant      ids.Tenant
	UserID      string
	SessionID   string
	IsAnonymous bool
}
