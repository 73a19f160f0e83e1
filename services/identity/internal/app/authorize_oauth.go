package app

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/identity/internal/domain"
)

// OAuthType is what an account of a provider is wanted for.
type OAuthType string

// What for.
const (
	// OAuthAuthenticate signs in or up.
	OAuthAuthenticate OAuthType = "authenticate"
	// OAuthLink adds the account to the user of the access token.
	OAuthLink OAuthType = "link"
)

// OAuthAuthorization asks to send a browser to a provider.
type OAuthAuthorization struct {
	// ProviderID is the provider's key in the configuration.
	ProviderID             string
	ClientID, ClientSecret string
	Type                   OAuthType

	RedirectURI, Scope, State          string
	CodeChallenge, CodeChallengeMethod string

	// AccessToken, ProviderScope and the URLs are empty when there are none.
	AccessToken                                string
	ProviderScope                              string
	ErrorRedirectURL, AfterCallbackRedirectURL string
	// BindsBrowser is set unless the caller sends the browser on itself.
	BindsBrowser bool
	Challenge    BotChallenge
}

// OAuthDeparture is where to send the browser, and how to know it again.
type OAuthDeparture struct {
	Location string
	// Binding is nil when the browser is not to be known again.
	Binding *BrowserBinding
}

// BrowserBinding is a cookie by which a browser that comes back is known to be
// the one that was sent.
type BrowserBinding struct {
	State string
	// ComesByPost says that the browser comes back with a POST from the
	// provider's site.
	ComesByPost bool
	// Secure is set when the API is reached by https.
	Secure bool
}

// oauthRequest is what is remembered of a sign-in on its way: the outer request
// of the app and the secrets of the inner one towards the provider.
type oauthRequest struct {
	ProviderConfigID string    `json:"provider_config_id"`
	ProviderType     string    `json:"provider_type"`
	Type             OAuthType `json:"type"`
	ClientSecret     string    `json:"client_secret"`

	RedirectURI         string `json:"redirect_uri"`
	Scope               string `json:"scope"`
	State               string `json:"state"`
	CodeChallenge       string `json:"code_challenge"`
	CodeChallengeMethod string `json:"code_challenge_method"`
	ErrorRedirectURL    string `json:"error_redirect_url"`
	AfterCallback       string `json:"after_callback_redirect_url"`

	// UserID is of the access token; empty when there was none.
	UserID       string   `json:"user_id"`
	IsAnonymous  bool     `json:"is_anonymous"`
	Scopes       []string `json:"scopes"`
	Nonce        string   `json:"nonce"`
	Verifier     string   `json:"verifier"`
	BindsBrowser bool     `json:"binds_browser"`
	// NoNewUser is what the bot challenge left to be decided.
	NoNewUser bool `json:"no_new_user"`
}

// AuthorizeOAuth remembers what an app asks for and returns where to send the
// browser (auth.md §9.2). Whether redirect_uri is trusted is checked when the
// browser comes back.
func (a *App) AuthorizeOAuth(ctx context.Context, in OAuthAuthorization) (*OAuthDeparture, error) {
	ctx = tenancy.ForProject(ctx, clientProject(in.ClientID))
	req, err := a.authorizingClient(ctx, in.ClientID, in.ClientSecret)
	if err != nil {
		return nil, err
	}
	provider, err := a.oauthProvider(req.config, in.ProviderID)
	switch {
	case err != nil:
		return nil, err
	case !provider.allows(in.Type):
		return nil, apierr.OAuthProviderNotFoundOrNotEnabled()
	case in.Type == OAuthLink && in.AccessToken == "":
		return nil, apierr.Text(http.StatusBadRequest, "Linking an account needs the access token of its user.")
	case in.AfterCallbackRedirectURL != "" && !req.config.TrustedURL(in.AfterCallbackRedirectURL, true):
		return nil, apierr.RedirectURLNotWhitelisted(in.AfterCallbackRedirectURL)
	}
	bot, err := a.challenge(ctx, in.Challenge, BotActionOAuth)
	switch {
	case err != nil:
		return nil, err
	case in.ProviderScope != "" && provider.IsShared:
		return nil, apierr.OAuthExtraScopeNotAvailableWithSharedOAuthKeys()
	}
	remembered := oauthRequest{
		ProviderConfigID:    provider.configID,
		ProviderType:        provider.Type,
		Type:                in.Type,
		ClientSecret:        in.ClientSecret,
		RedirectURI:         domain.WithoutFragment(in.RedirectURI),
		Scope:               in.Scope,
		State:               in.State,
		CodeChallenge:       in.CodeChallenge,
		CodeChallengeMethod: in.CodeChallengeMethod,
		ErrorRedirectURL:    in.ErrorRedirectURL,
		AfterCallback:       in.AfterCallbackRedirectURL,
		Scopes:              domain.Scopes(strings.Join(a.oauth.BaseScopes(provider.Type), " ") + " " + in.ProviderScope),
		Nonce:               ids.Secret(),
		Verifier:            ids.Secret(),
		BindsBrowser:        in.BindsBrowser,
		NoNewUser:           bot.noNewUser,
	}
	if in.AccessToken != "" {
		user, err := a.tokenUser(ctx, req, in.AccessToken)
		if err != nil {
			return nil, err
		}
		remembered.UserID, remembered.IsAnonymous = user.UserID, user.IsAnonymous
	}
	state := ids.Secret()
	location, err := a.oauth.AuthorizationURL(ctx, provider.client, ProviderRequest{
		State: state, Nonce: remembered.Nonce, Verifier: secret.Secret(remembered.Verifier), Scopes: remembered.Scopes,
	})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(remembered)
	if err != nil {
		return nil, err
	}
	sealed := a.sealer.Seal(text, oauthRequestPlace(req.tenant, state)...)
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		return tx.CreateOAuthAuthorization(ctx, req.tenant, state, sealed)
	})
	if err != nil {
		return nil, err
	}
	departure := &OAuthDeparture{Location: location}
	if in.BindsBrowser {
		departure.Binding = a.binding(state, provider.Type)
	}
	return departure, nil
}

// allows reports whether the project uses the provider for that.
func (p *oauthProvider) allows(what OAuthType) bool {
	if what == OAuthLink {
		return p.AllowConnectedAccounts
	}
	return p.AllowSignIn
}

func (a *App) binding(state, providerType string) *BrowserBinding {
	return &BrowserBinding{
		State: state, ComesByPost: a.oauth.ReturnsByPost(providerType), Secure: strings.HasPrefix(a.publicURL, "https://"),
	}
}

// oauthRequestPlace names where the sealed request of a state is stored.
func oauthRequestPlace(tenant ids.Tenant, state string) []string {
	return []string{"oauth_authorizations.request", tenant.ProjectID, tenant.BranchID, state}
}

func toSecret(text string) secret.Secret { return secret.Secret(text) }
