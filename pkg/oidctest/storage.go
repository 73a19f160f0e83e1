package oidctest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"slices"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

var errUnknown = errors.New("oidctest: unknown")

// tokenLife is how long access tokens live.
const tokenLife = time.Hour

// signingKey is shared by all providers of a process: making one takes long.
var signingKey = sync.OnceValue(func() *key {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic("oidctest: " + err.Error())
	}
	return &key{id: rand.Text(), private: private}
})

// storage implements op.Storage in memory.
type storage struct {
	loginURL    string
	callbackURL func(context.Context, string) string

	mu        sync.Mutex
	people    map[string]Person
	redirects []string
	requests  map[string]*request
	codes     map[string]string
	access    map[string]*grant
	refresh   map[string]*grant
}

// grant is what a token stands for.
type grant struct {
	subject  string
	scopes   []string
	authTime time.Time
	expires  time.Time
}

func newStorage() *storage {
	return &storage{
		people: map[string]Person{}, requests: map[string]*request{}, codes: map[string]string{},
		access: map[string]*grant{}, refresh: map[string]*grant{},
	}
}

func (s *storage) register(redirectURL string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.redirects = append(s.redirects, redirectURL)
}

func (s *storage) add(person Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[person.Subject] = person
}

func (s *storage) person(subject string) Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.people[subject]
}

func (s *storage) revoke(refreshTokensToo bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.access)
	if refreshTokensToo {
		clear(s.refresh)
	}
}

func (s *storage) logIn(id, subject string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[id]
	if _, ok := s.people[subject]; r == nil || !ok {
		return false
	}
	r.subject, r.authTime = subject, time.Now()
	return true
}

func (s *storage) abandon(id string) (redirectURL, state string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[id]
	if r == nil {
		return "", "", false
	}
	delete(s.requests, id)
	return r.asked.RedirectURI, r.asked.State, true
}

// request implements op.AuthRequest.
type request struct {
	id       string
	asked    *oidc.AuthRequest
	subject  string
	authTime time.Time
}

func (r *request) GetID() string                      { return r.id }
func (r *request) GetACR() string                     { return "" }
func (r *request) GetAMR() []string                   { return []string{"pwd"} }
func (r *request) GetAudience() []string              { return []string{r.asked.ClientID} }
func (r *request) GetAuthTime() time.Time             { return r.authTime }
func (r *request) GetClientID() string                { return r.asked.ClientID }
func (r *request) GetNonce() string                   { return r.asked.Nonce }
func (r *request) GetRedirectURI() string             { return r.asked.RedirectURI }
func (r *request) GetResponseType() oidc.ResponseType { return r.asked.ResponseType }
func (r *request) GetResponseMode() oidc.ResponseMode { return r.asked.ResponseMode }
func (r *request) GetScopes() []string                { return scopesOf(r.asked.Scopes) }
func (r *request) GetState() string                   { return r.asked.State }
func (r *request) GetSubject() string                 { return r.subject }
func (r *request) Done() bool                         { return r.subject != "" }
func (r *request) GetCodeChallenge() *oidc.CodeChallenge {
	if r.asked.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: r.asked.CodeChallenge, Method: r.asked.CodeChallengeMethod}
}

// CreateAuthRequest implements op.AuthStorage.
func (s *storage) CreateAuthRequest(_ context.Context, asked *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &request{id: rand.Text(), asked: asked}
	s.requests[r.id] = r
	return r, nil
}

// AuthRequestByID implements op.AuthStorage.
func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.requests[id]; r != nil {
		return r, nil
	}
	return nil, errUnknown
}

// AuthRequestByCode implements op.AuthStorage. A code works once.
func (s *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id := s.codes[code]
	s.mu.Unlock()
	return s.AuthRequestByID(ctx, id)
}

// SaveAuthCode implements op.AuthStorage.
func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

// DeleteAuthRequest implements op.AuthStorage.
func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	return nil
}

func (s *storage) grant(r op.TokenRequest) *grant {
	return &grant{subject: r.GetSubject(), scopes: r.GetScopes(), authTime: time.Now(), expires: time.Now().Add(tokenLife)}
}

// CreateAccessToken implements op.AuthStorage.
func (s *storage) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, made := rand.Text(), s.grant(r)
	s.access[id] = made
	return id, made.expires, nil
}

// CreateAccessAndRefreshTokens implements op.AuthStorage. Refresh tokens
// rotate.
func (s *storage) CreateAccessAndRefreshTokens(_ context.Context, r op.TokenRequest, current string) (string, string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current != "" {
		if s.refresh[current] == nil {
			return "", "", time.Time{}, op.ErrInvalidRefreshToken
		}
		delete(s.refresh, current)
	}
	id, next, made := rand.Text(), rand.Text(), s.grant(r)
	s.access[id], s.refresh[next] = made, made
	return id, next, made.expires, nil
}

// refreshRequest implements op.RefreshTokenRequest.
type refreshRequest struct {
	grant  *grant
	scopes []string
}

func (r *refreshRequest) GetAMR() []string                 { return nil }
func (r *refreshRequest) GetAudience() []string            { return []string{ClientID} }
func (r *refreshRequest) GetAuthTime() time.Time           { return r.grant.authTime }
func (r *refreshRequest) GetClientID() string              { return ClientID }
func (r *refreshRequest) GetScopes() []string              { return r.scopes }
func (r *refreshRequest) GetSubject() string               { return r.grant.subject }
func (r *refreshRequest) SetCurrentScopes(scopes []string) { r.scopes = scopes }

// TokenRequestByRefreshToken implements op.AuthStorage.
func (s *storage) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.refresh[token]; g != nil {
		return &refreshRequest{grant: g, scopes: g.scopes}, nil
	}
	return nil, op.ErrInvalidRefreshToken
}

// TerminateSession implements op.AuthStorage.
func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

// RevokeToken implements op.AuthStorage.
func (s *storage) RevokeToken(context.Context, string, string, string) *oidc.Error { return nil }

// GetRefreshTokenInfo implements op.AuthStorage.
func (s *storage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

// SigningKey implements op.AuthStorage.
func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return signingKey(), nil }

// SignatureAlgorithms implements op.AuthStorage.
func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

// KeySet implements op.AuthStorage.
func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{publicKey{signingKey()}}, nil
}

// key implements op.SigningKey.
type key struct {
	id      string
	private *rsa.PrivateKey
}

func (k *key) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k *key) Key() any                                    { return k.private }
func (k *key) ID() string                                  { return k.id }

// publicKey implements op.Key.
type publicKey struct{ *key }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return &k.private.PublicKey }

// GetClientByClientID implements op.OPStorage.
func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != ClientID {
		return nil, errUnknown
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return &client{login: s.loginURL, redirects: slices.Clone(s.redirects)}, nil
}

// AuthorizeClientIDSecret implements op.OPStorage.
func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != ClientID || secret != ClientSecret {
		return errUnknown
	}
	return nil
}

// SetUserinfoFromScopes implements op.OPStorage: what identity tokens say.
func (s *storage) SetUserinfoFromScopes(_ context.Context, info *oidc.UserInfo, subject, _ string, scopes []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.describe(info, subject, scopes)
	return nil
}

// SetUserinfoFromToken implements op.OPStorage.
func (s *storage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, tokenID, subject, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.access[tokenID]
	if g == nil || time.Now().After(g.expires) {
		return errUnknown
	}
	s.describe(info, subject, g.scopes)
	return nil
}

func (s *storage) describe(info *oidc.UserInfo, subject string, scopes []string) {
	person := s.people[subject]
	info.Subject = subject
	if slices.Contains(scopes, oidc.ScopeEmail) && person.Email != "" {
		info.Email, info.EmailVerified = person.Email, oidc.Bool(person.EmailVerified)
	}
	if slices.Contains(scopes, oidc.ScopeProfile) {
		info.Name, info.Picture = person.Name, person.Picture
	}
}

// SetIntrospectionFromToken implements op.OPStorage.
func (s *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errUnknown
}

// GetPrivateClaimsFromScopes implements op.OPStorage.
func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return map[string]any{}, nil
}

// GetKeyByIDAndClientID implements op.OPStorage.
func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errUnknown
}

// ValidateJWTProfileScopes implements op.OPStorage.
func (s *storage) ValidateJWTProfileScopes(_ context.Context, _ string, scopes []string) ([]string, error) {
	return scopes, nil
}

// Health implements op.Storage.
func (s *storage) Health(context.Context) error { return nil }

// client implements op.Client.
type client struct {
	login     string
	redirects []string
}

func (c *client) GetID() string                       { return ClientID }
func (c *client) RedirectURIs() []string              { return c.redirects }
func (c *client) PostLogoutRedirectURIs() []string    { return nil }
func (c *client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c *client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c *client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
}
func (c *client) LoginURL(id string) string           { return c.login + id }
func (c *client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }
func (c *client) IDTokenLifetime() time.Duration      { return tokenLife }
func (c *client) DevMode() bool                       { return true }
func (c *client) IsScopeAllowed(string) bool          { return true }
func (c *client) IDTokenUserinfoClaimsAssertion() bool {
	return true
}
func (c *client) ClockSkew() time.Duration { return 0 }
func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
