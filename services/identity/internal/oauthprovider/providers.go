package oauthprovider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/httpx"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

const (
	// exchangeTimeout bounds one request to a provider.
	exchangeTimeout = 3 * time.Second
	// signInBudget bounds all requests of one sign-in, so that somebody is left
	// to tell the app that the provider does not answer.
	signInBudget = 7 * time.Second
	// userInfoTries is how often a provider is asked for an account.
	userInfoTries = 3
	// commonTenant is whom Microsoft signs in when the project names no tenant.
	commonTenant = "consumers"
)

// Providers implements app.OAuthProviders. It is safe for concurrent use.
type Providers struct {
	config map[string]TypeConfig
	// outside reaches the public Internet alone; anywhere is for endpoints that
	// the operator named, projects for those of issuers that projects name.
	outside, anywhere, projects *http.Client
	// plain says that issuers of projects need no TLS.
	plain bool

	operators, tenants *directory
}

// New returns the providers as the operator configured them.
func New(config Config, now clock.Clock) *Providers {
	return &Providers{
		config:    config.byType(),
		outside:   httpx.NewClient(httpx.ClientConfig{Timeout: exchangeTimeout}),
		anywhere:  httpx.NewClient(httpx.ClientConfig{Timeout: exchangeTimeout, Dialer: httpx.Dialer{Allow: httpx.Everywhere()}}),
		projects:  httpx.NewClient(httpx.ClientConfig{Timeout: exchangeTimeout, Dialer: httpx.Dialer{Allow: config.AllowNetworks}}),
		plain:     len(config.AllowNetworks) > 0,
		operators: newDirectory(now),
		tenants:   newDirectory(now),
	}
}

// SharedClient implements app.OAuthProviders.
func (p *Providers) SharedClient(providerType string) (string, secret.Secret, bool) {
	c := p.config[providerType]
	return c.ClientID, c.ClientSecret, c.ClientID != ""
}

// BaseScopes implements app.OAuthProviders.
func (p *Providers) BaseScopes(providerType string) []string {
	scopes := slices.Clone(kindOf(providerType).scopes)
	if p.config[providerType].Issuer != "" {
		for _, scope := range []string{"openid", "email", "profile"} {
			if !slices.Contains(scopes, scope) {
				scopes = append(scopes, scope)
			}
		}
	}
	return scopes
}

// ReturnsByPost implements app.OAuthProviders.
func (p *Providers) ReturnsByPost(providerType string) bool { return kinds[providerType].byPost }

// AuthorizationURL implements app.OAuthProviders.
func (p *Providers) AuthorizationURL(ctx context.Context, client app.ProviderClient, request app.ProviderRequest) (string, error) {
	s, err := p.open(ctx, client)
	if err != nil {
		return "", err
	}
	s.oauth.Scopes = request.Scopes
	options := []oauth2.AuthCodeOption{oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("prompt", "consent")}
	if !s.kind.withoutPKCE {
		options = append(options, oauth2.S256ChallengeOption(request.Verifier.Reveal()))
	}
	if s.verifies() {
		options = append(options, oidc.Nonce(request.Nonce))
	}
	for name, value := range s.kind.extra {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	if client.FacebookConfigID != "" && client.Type == "facebook" {
		options = append(options, oauth2.SetAuthURLParam("config_id", client.FacebookConfigID))
	}
	return s.oauth.AuthCodeURL(request.State, options...), nil
}

// Authenticate implements app.OAuthProviders.
func (p *Providers) Authenticate(ctx context.Context, client app.ProviderClient, answer app.ProviderAnswer) (*app.ProviderIdentity, error) {
	if answer.Error != "" {
		return nil, codeError(answer.Error, 0, nil)
	}
	ctx, cancel := context.WithTimeout(ctx, signInBudget)
	defer cancel()
	s, err := p.open(ctx, client)
	if err != nil {
		return nil, err
	}
	if answer.Issuer != "" && s.callbackIssuer() != "" && answer.Issuer != s.callbackIssuer() {
		return nil, apierr.Text(http.StatusBadRequest, "The answer is of another provider than the one asked.")
	}
	if answer.Code == "" {
		return nil, apierr.Text(http.StatusBadRequest, "The OAuth provider sent neither a code nor an error.")
	}
	var options []oauth2.AuthCodeOption
	if !s.kind.withoutPKCE {
		options = append(options, oauth2.VerifierOption(answer.Verifier.Reveal()))
	}
	token, err := s.oauth.Exchange(s.ctx, answer.Code.Reveal(), options...)
	if err != nil {
		return nil, exchangeError(err)
	}
	account, err := s.account(token, answer)
	if err != nil {
		return nil, err
	}
	return &app.ProviderIdentity{Account: *account, Grant: s.grant(token, "")}, nil
}

// Refresh implements app.OAuthProviders.
func (p *Providers) Refresh(ctx context.Context, client app.ProviderClient, refreshToken secret.Secret) (grant *app.ProviderGrant, refused bool, err error) {
	s, err := p.open(ctx, client)
	if err != nil {
		return nil, false, err
	}
	token, err := s.oauth.TokenSource(s.ctx, &oauth2.Token{RefreshToken: refreshToken.Reveal()}).Token()
	if err != nil {
		failure, answered := errors.AsType[*oauth2.RetrieveError](err)
		return nil, answered && !transient(failure.Response.StatusCode), err
	}
	made := s.grant(token, refreshToken.Reveal())
	return &made, false, nil
}

// Accepts implements app.OAuthProviders.
func (p *Providers) Accepts(ctx context.Context, client app.ProviderClient, accessToken secret.Secret) (bool, error) {
	s, err := p.open(ctx, client)
	if err != nil || s.userInfoURL == "" {
		return err == nil, err
	}
	_, status, err := s.get(s.userInfoURL, accessToken.Reveal())
	switch {
	case err != nil:
		return false, err
	case transient(status):
		return false, fmt.Errorf("oauthprovider: user info of %s answers %d", client.Type, status)
	}
	return status/100 == 2, nil
}

// VerifyAppleToken implements app.OAuthProviders.
func (p *Providers) VerifyAppleToken(ctx context.Context, identityToken secret.Secret, bundleIDs []string) (*domain.ExternalAccount, error) {
	s, err := p.open(ctx, app.ProviderClient{Type: "apple"})
	if err != nil {
		return nil, err
	}
	verified, err := s.verifier(&oidc.Config{SkipClientIDCheck: true}).Verify(s.ctx, identityToken.Reveal())
	switch {
	case err != nil && unreachable(err):
		return nil, apierr.OAuthProviderTemporarilyUnavailable().WithCause(err)
	case err != nil:
		return nil, apierr.InvalidAppleCredentials().WithCause(err)
	case !slices.ContainsFunc(verified.Audience, func(audience string) bool { return slices.Contains(bundleIDs, audience) }):
		return nil, apierr.InvalidAppleCredentials()
	}
	account, err := standardClaims(verified)
	if err != nil || account.ID == "" {
		return nil, apierr.InvalidAppleCredentials().WithCause(err)
	}
	return account, nil
}

// session is what one exchange with a provider needs.
type session struct {
	ctx    context.Context
	client app.ProviderClient
	kind   kind
	config TypeConfig
	http   *http.Client
	oauth  *oauth2.Config

	userInfoURL, emailsURL string
	issuer                 string
	keys                   oidc.KeySet
	algorithms             []string
}

// open works out whom to talk to. It fails with
// OAUTH_PROVIDER_TEMPORARILY_UNAVAILABLE when an issuer cannot be discovered.
func (p *Providers) open(ctx context.Context, client app.ProviderClient) (*session, error) {
	if client.Type == domain.CustomOIDC {
		return p.openCustom(ctx, client)
	}
	k, c := kinds[client.Type], p.config[client.Type]
	s := &session{client: client, kind: k, config: c, http: p.outside, userInfoURL: k.userInfoURL, emailsURL: k.emailsURL, issuer: k.issuer}
	endpoint, jwksURL := k.endpoint, k.jwksURL
	if c.overridden() {
		s.http, s.emailsURL = p.anywhere, ""
		if c.Issuer != "" || c.TokenURL != "" || c.JWKSURL != "" {
			s.issuer, jwksURL = c.Issuer, ""
		}
	}
	s.use(ctx)
	if c.Issuer != "" {
		d, err := p.operators.discover(s.ctx, c.Issuer)
		if err != nil {
			return nil, apierr.OAuthProviderTemporarilyUnavailable().WithCause(err)
		}
		endpoint, s.userInfoURL, jwksURL, s.algorithms = d.endpoint, d.userInfoURL, d.jwksURL, d.algorithms
	}
	override(&endpoint.AuthURL, c.AuthorizationURL)
	override(&endpoint.TokenURL, c.TokenURL)
	override(&s.userInfoURL, c.UserInfoURL)
	override(&s.emailsURL, c.EmailsURL)
	override(&jwksURL, c.JWKSURL)
	tenant := client.MicrosoftTenantID
	if tenant == "" {
		tenant = commonTenant
	}
	for _, u := range []*string{&endpoint.AuthURL, &endpoint.TokenURL} {
		*u = strings.ReplaceAll(*u, "{tenant}", url.PathEscape(tenant))
	}
	if jwksURL != "" {
		s.keys = p.operators.keySet(s.ctx, jwksURL)
	}
	s.present(endpoint)
	return s, nil
}

// openCustom works out whom to talk to when a project names the issuer: an
// https URL unless the installation allows others, and so is all that it tells
// about itself. It fails like open, and with a text for an issuer that does not
// do.
func (p *Providers) openCustom(ctx context.Context, client app.ProviderClient) (*session, error) {
	s := &session{client: client, kind: custom, config: TypeConfig{Issuer: client.Issuer}, http: p.projects, issuer: client.Issuer}
	s.use(ctx)
	if err := p.mayAsk(client.Issuer); err != nil {
		return nil, err
	}
	d, err := p.tenants.discover(s.ctx, client.Issuer)
	if err != nil {
		return nil, apierr.OAuthProviderTemporarilyUnavailable().WithCause(err)
	}
	addresses := []string{d.endpoint.AuthURL, d.endpoint.TokenURL, d.jwksURL}
	if d.userInfoURL != "" { // otherwise identity tokens have to say it all
		addresses = append(addresses, d.userInfoURL)
	}
	for _, address := range addresses {
		if err := p.mayAsk(address); err != nil {
			return nil, err
		}
	}
	s.userInfoURL, s.algorithms, s.keys = d.userInfoURL, d.algorithms, p.tenants.keySet(s.ctx, d.jwksURL)
	s.present(d.endpoint)
	return s, nil
}

// mayAsk checks the form of an address that a project or its issuer named.
// Where it leads is checked when a connection is opened.
func (p *Providers) mayAsk(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !p.plain) {
		return errBadAnswer(fmt.Errorf("oauthprovider: %q is no https URL", address))
	}
	return nil
}

// use makes all requests of the session go by its client.
func (s *session) use(ctx context.Context) {
	s.ctx = context.WithValue(oidc.ClientContext(ctx, s.http), oauth2.HTTPClient, s.http)
}

// present makes the session speak as the client of the project.
func (s *session) present(endpoint oauth2.Endpoint) {
	s.oauth = &oauth2.Config{
		ClientID: s.client.ClientID, ClientSecret: s.client.ClientSecret.Reveal(), Endpoint: endpoint, RedirectURL: s.client.RedirectURL,
	}
}

func override(target *string, value string) {
	if value != "" {
		*target = value
	}
}

// verifies reports whether identity tokens are verified.
func (s *session) verifies() bool { return s.keys != nil }

// callbackIssuer is what the provider calls itself on the way back.
func (s *session) callbackIssuer() string {
	if s.issuer == "" && !s.config.overridden() {
		return s.kind.callbackIssuer
	}
	return s.issuer
}

func (s *session) verifier(config *oidc.Config) *oidc.IDTokenVerifier {
	config.SupportedSigningAlgs = s.algorithms
	if len(config.SupportedSigningAlgs) == 0 {
		config.SupportedSigningAlgs = asymmetric
	}
	config.SkipIssuerCheck = s.issuer == ""
	return oidc.NewVerifier(s.issuer, s.keys, config)
}

// account reads whose token it is.
func (s *session) account(token *oauth2.Token, answer app.ProviderAnswer) (*domain.ExternalAccount, error) {
	var account *domain.ExternalAccount
	if s.verifies() {
		var err error
		if account, err = s.identity(token, answer.Nonce); err != nil {
			return nil, err
		}
	}
	if s.userInfoURL != "" {
		told, err := s.userInfo(token.AccessToken)
		switch {
		case err != nil:
			return nil, err
		case account != nil && account.ID != told.ID:
			// OpenID Connect Core section 5.3.2: a response for another subject
			// must not be used.
			return nil, errBadAnswer(errors.New("user info of another subject"))
		}
		account = completed(told, account)
	}
	if account == nil || account.ID == "" {
		return nil, errBadAnswer(errors.New("account without id"))
	}
	switch s.kind.emails {
	case never:
		account.EmailVerified = false
	case always:
		account.EmailVerified = account.Email != ""
	}
	if s.client.Type == "apple" {
		account.DisplayName = firstOf(account.DisplayName, appleName(answer.User))
	}
	return account, nil
}

// completed fills in from a verified identity token what the user info does not
// tell, which need not tell more than the subject.
func completed(told, verified *domain.ExternalAccount) *domain.ExternalAccount {
	if verified == nil {
		return told
	}
	if told.Email == "" {
		told.Email, told.EmailVerified = verified.Email, verified.EmailVerified
	}
	told.DisplayName = firstOf(told.DisplayName, verified.DisplayName)
	told.ProfileImageURL = firstOf(told.ProfileImageURL, verified.ProfileImageURL)
	return told
}

// identity verifies the identity token that came with an access token.
func (s *session) identity(token *oauth2.Token, nonce string) (*domain.ExternalAccount, error) {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return nil, errBadAnswer(errors.New("no identity token"))
	}
	verified, err := s.verifier(&oidc.Config{ClientID: s.client.ClientID}).Verify(s.ctx, raw)
	switch {
	case err != nil && unreachable(err):
		return nil, apierr.OAuthProviderTemporarilyUnavailable().WithCause(err)
	case err != nil:
		return nil, errBadAnswer(err)
	case verified.Nonce != nonce:
		return nil, errBadAnswer(errors.New("identity token of another sign-in"))
	}
	return standardClaims(verified)
}

func standardClaims(token *oidc.IDToken) (*domain.ExternalAccount, error) {
	var claims rawJSON
	if err := token.Claims(&claims); err != nil {
		return nil, errBadAnswer(err)
	}
	account, err := readStandard(claims, nil)
	if err != nil {
		return nil, errBadAnswer(err)
	}
	return &account, nil
}

// rawJSON takes JSON as it is.
type rawJSON []byte

// UnmarshalJSON implements json.Unmarshaler.
func (r *rawJSON) UnmarshalJSON(data []byte) error {
	*r = slices.Clone(data)
	return nil
}

// userInfo asks for the account of an access token. A provider that fails is
// asked again.
func (s *session) userInfo(accessToken string) (*domain.ExternalAccount, error) {
	info, err := s.fetch(s.userInfoURL, accessToken)
	if err != nil {
		return nil, err
	}
	var emails []byte
	if s.emailsURL != "" {
		if emails, err = s.fetch(s.emailsURL, accessToken); err != nil {
			return nil, err
		}
	}
	read := s.kind.read
	if s.config.Issuer != "" {
		read = readStandard
	}
	account, err := read(info, emails)
	if s.config.overridden() && (err != nil || account.ID == "") {
		// Whoever stands in for the provider may speak the standard instead.
		account, err = readStandard(info, nil)
	}
	if err != nil {
		return nil, errBadAnswer(err)
	}
	return &account, nil
}

func (s *session) fetch(address, accessToken string) ([]byte, error) {
	var last error
	for range userInfoTries {
		body, status, err := s.get(address, accessToken)
		switch {
		case err != nil:
			last = err
		case transient(status):
			last = fmt.Errorf("oauthprovider: status %d", status)
		case status/100 != 2:
			return nil, errBadAnswer(fmt.Errorf("user info answers with status %d", status))
		default:
			return body, nil
		}
	}
	return nil, apierr.OAuthProviderTemporarilyUnavailable().WithCause(last)
}

func (s *session) get(address, accessToken string) (body []byte, status int, err error) {
	request, err := http.NewRequestWithContext(s.ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Authorization", "Bearer "+accessToken)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "vestibule")
	if s.client.Type == "twitch" {
		request.Header.Set("Client-Id", s.client.ClientID)
	}
	response, err := s.http.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(response.Body)
	return body, response.StatusCode, err
}

// grant reads tokens. A refresh token that stays the same is none.
func (s *session) grant(token *oauth2.Token, oldRefreshToken string) app.ProviderGrant {
	grant := app.ProviderGrant{AccessToken: secret.Secret(token.AccessToken)}
	if token.RefreshToken != oldRefreshToken {
		grant.RefreshToken = secret.Secret(token.RefreshToken)
	}
	seconds := token.ExpiresIn
	if seconds <= 0 {
		seconds = s.kind.lifetime
	}
	if seconds > 0 {
		lifetime := time.Duration(min(seconds, maxLifetime)) * time.Second
		grant.Lifetime = &lifetime
	}
	return grant
}

// maxLifetime bounds what a provider says about a token's life, in seconds.
const maxLifetime = 10 * 365 * 24 * 60 * 60
