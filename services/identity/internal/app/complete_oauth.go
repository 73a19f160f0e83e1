package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/identity/internal/domain"
)

// OAuthReturn is a browser that a provider sent back.
type OAuthReturn struct {
	// ProviderID is the one in the path: a type, or the key of a provider of
	// type custom_oidc.
	ProviderID string
	State      string
	// Code, Error, Issuer and User are empty when not told.
	Code, Error, Issuer, User string
	// Cookies are those that bind sign-ins to this browser, as in a Cookie
	// header.
	Cookies string
}

// OAuthArrival is where to send the browser on to.
type OAuthArrival struct {
	// Location is empty when the error is to be answered directly.
	Location string
	// IsError says that the app is told about an error.
	IsError bool
	// Binding is the cookie that has done its work; nil when there was none.
	Binding *BrowserBinding
}

// oauthScope is the one scope of apps (auth.md §9.1).
const oauthScope = "legacy"

// CompleteOAuth ends a sign-in that went through a provider and returns where
// the browser goes on: to the app, with an authorization code or an error
// (auth.md §9.3). An error that the app is not told comes back beside the
// arrival, which is never nil.
func (a *App) CompleteOAuth(ctx context.Context, in OAuthReturn) (*OAuthArrival, error) {
	arrival := &OAuthArrival{}
	pending, remembered, err := a.pendingOAuth(ctx, in.State)
	if err != nil {
		return arrival, err
	}
	ctx = tenancy.ForProject(ctx, pending.Tenant.ProjectID)
	if remembered.BindsBrowser {
		if !holdsCookie(in.Cookies, BindingCookie(in.State)) {
			return arrival, apierr.Text(http.StatusBadRequest, "This sign-in was begun in another browser, or too long ago.")
		}
		arrival.Binding = a.binding(in.State, remembered.ProviderType)
	}
	location, err := a.completeOAuth(ctx, in, pending, remembered)
	if err == nil {
		arrival.Location = location
		return arrival, nil
	}
	if arrival.Location, err = a.errorRedirect(ctx, pending, remembered, err); err != nil {
		return arrival, err
	}
	arrival.IsError = true
	return arrival, nil
}

// BindingCookie names the cookie that binds a sign-in to its browser.
func BindingCookie(state string) string { return "stack-oauth-inner-" + state }

// holdsCookie reports whether a Cookie header holds a binding.
func holdsCookie(cookies, name string) bool {
	parsed, err := http.ParseCookie(cookies)
	if err != nil {
		return false
	}
	for _, cookie := range parsed {
		if cookie.Name == name {
			return true
		}
	}
	return false
}

// pendingOAuth reads a sign-in on its way. It fails with a text when the state
// is unknown or was used.
func (a *App) pendingOAuth(ctx context.Context, state string) (*PendingOAuth, *oauthRequest, error) {
	if !ids.ValidSecret(state) {
		return nil, nil, errUnknownState()
	}
	pending, err := a.store.OAuthAuthorization(ctx, state)
	switch {
	case err != nil:
		return nil, nil, err
	case pending == nil:
		return nil, nil, errUnknownState()
	}
	text, err := a.sealer.Open(pending.Request, oauthRequestPlace(pending.Tenant, state)...)
	if err != nil {
		return nil, nil, err
	}
	remembered := &oauthRequest{}
	if err := json.Unmarshal(text, remembered); err != nil {
		return nil, nil, err
	}
	return pending, remembered, nil
}

func errUnknownState() error {
	return apierr.Text(http.StatusBadRequest, "This sign-in is unknown or was completed already. Please begin again.")
}

// completeOAuth runs steps 3 to 9 and returns the app's redirect.
func (a *App) completeOAuth(ctx context.Context, in OAuthReturn, pending *PendingOAuth, remembered *oauthRequest) (location string, err error) {
	if pending.HasExpired {
		return "", apierr.OuterOAuthTimeout()
	}
	tenant := pending.Tenant
	req, err := a.authorizingClient(ctx, tenant.ProjectID+"#"+tenant.BranchID, remembered.ClientSecret)
	if err != nil {
		return "", err
	}
	req.UserID, req.Anonymous = remembered.UserID, remembered.IsAnonymous
	provider, err := a.oauthProvider(req.config, remembered.ProviderConfigID)
	switch {
	case err != nil:
		return "", err
	case provider.Type != remembered.ProviderType || !provider.allows(remembered.Type):
		return "", apierr.OAuthProviderNotFoundOrNotEnabled()
	case provider.callbackID() != in.ProviderID:
		return "", apierr.Text(http.StatusBadRequest, "This sign-in belongs to another provider.")
	}
	// From here on the state is worth nothing, whatever becomes of it.
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		consumed, err := tx.ConsumeOAuthAuthorization(ctx, tenant, in.State)
		if err == nil && !consumed {
			return errUnknownState()
		}
		return err
	})
	if err != nil {
		return "", err
	}
	identity, err := a.oauth.Authenticate(ctx, provider.client, ProviderAnswer{
		Code: secret.Secret(in.Code), Error: in.Error, Issuer: in.Issuer, User: in.User,
		Nonce: remembered.Nonce, Verifier: secret.Secret(remembered.Verifier),
	})
	if err != nil {
		return "", err
	}
	if !req.config.TrustedURL(remembered.RedirectURI, true) {
		return "", apierr.RedirectURLNotWhitelisted(remembered.RedirectURI)
	}
	external := externalSignIn{provider: provider, account: identity.Account, tokens: a.sealGrant(tenant, remembered.Scopes, identity.Grant), bot: botVerdict{noNewUser: remembered.NoNewUser}}
	var resolved resolvedExternal
	if remembered.Type == OAuthLink {
		resolved, err = a.resolveLink(ctx, req, external)
	} else {
		resolved, err = a.resolveExternal(ctx, req, external)
	}
	switch {
	case err != nil:
		return "", err
	case remembered.Scope != oauthScope:
		return "", apierr.Text(http.StatusBadRequest, "The scope must be "+oauthScope+".")
	}
	code, err := a.authorizationCodes.CreateAuthorizationCode(ctx, AuthorizationCode{
		Tenant:                   tenant,
		UserID:                   resolved.user.ID,
		RedirectURI:              remembered.RedirectURI,
		CodeChallenge:            remembered.CodeChallenge,
		CodeChallengeMethod:      remembered.CodeChallengeMethod,
		IsNewUser:                resolved.isNewUser,
		AfterCallbackRedirectURL: remembered.AfterCallback,
	})
	if err != nil {
		return "", err
	}
	if resolved.joins != nil {
		if err := a.deferOAuth(ctx, tenant, code, resolved.joins); err != nil {
			return "", err
		}
	}
	return domain.AddQuery(remembered.RedirectURI, map[string]string{"code": code, "state": remembered.State})
}

// errorRedirect tells the app about a known error: at redirect_uri or, when
// that is not trusted, at its page for errors. All other errors, and those of a
// project that trusts neither, are returned.
func (a *App) errorRedirect(ctx context.Context, pending *PendingOAuth, remembered *oauthRequest, cause error) (location string, err error) {
	known, ok := errors.AsType[*apierr.Error](cause)
	if !ok || known.Format != apierr.FormatKnown {
		return "", cause
	}
	config, err := a.configs.Get(ctx, pending.Tenant, 0)
	if err != nil {
		return "", errors.Join(cause, err)
	}
	details := []byte("{}")
	if known.Details != nil {
		if details, err = json.Marshal(known.Details); err != nil {
			return "", err
		}
	}
	for _, page := range []string{remembered.RedirectURI, remembered.ErrorRedirectURL} {
		if page == "" || !config.TrustedURL(page, true) {
			continue
		}
		return domain.AddQuery(page, map[string]string{
			"error":             "server_error",
			"error_description": known.Message,
			"errorCode":         known.Code,
			"message":           known.Message,
			"details":           string(details),
			"state":             remembered.State,
		})
	}
	return "", cause
}

// sealGrant prepares the tokens of a provider for being kept.
func (a *App) sealGrant(tenant ids.Tenant, scopes []string, grant ProviderGrant) []NewProviderToken {
	var tokens []NewProviderToken
	add := func(kind ProviderTokenKind, token secret.Secret) {
		if token == "" {
			return
		}
		made := NewProviderToken{ID: ids.NewUUID(), Kind: kind, Scopes: scopes}
		if kind == ProviderAccessToken {
			made.Lifetime = grant.Lifetime
		}
		made.Sealed = a.sealer.Seal([]byte(token.Reveal()), providerTokenPlace(tenant, made.ID)...)
		tokens = append(tokens, made)
	}
	add(ProviderAccessToken, grant.AccessToken)
	add(ProviderRefreshToken, grant.RefreshToken)
	return tokens
}

// providerTokenPlace names where a sealed token of a provider is stored.
func providerTokenPlace(tenant ids.Tenant, tokenID string) []string {
	return []string{"oauth_tokens.token", tenant.ProjectID, tenant.BranchID, tokenID}
}
