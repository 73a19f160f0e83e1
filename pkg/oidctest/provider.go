package oidctest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The one client of the provider.
const (
	ClientID     = "vestibule"
	ClientSecret = "the client's secret"
)

// Person has an account at the provider.
type Person struct {
	Subject       string
	Email         string
	EmailVerified bool
	Name, Picture string
}

// PersonCookie names the cookie by which a browser says whom the log-in page
// lets in, by subject. Without it, it is the person of [Provider.LetIn].
const PersonCookie = "oidctest-person"

// Provider is an OpenID provider. It is safe for concurrent use.
type Provider struct {
	// URL is the issuer.
	URL string

	server   *httptest.Server
	protocol http.Handler
	storage  *storage

	mu sync.Mutex
	// person is let in next.
	person string
	denies bool
	// failures counts down the requests to a path that fail with a status.
	failures map[string]*failure
	extra    map[string]func(person Person) any
	requests map[string]int
}

type failure struct{ status, left int }

// New returns a provider that ends with the test.
func New(t testing.TB) *Provider {
	t.Helper()
	p, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// Start returns a provider, to be closed.
func Start() (*Provider, error) {
	p := &Provider{storage: newStorage(), failures: map[string]*failure{}, extra: map[string]func(Person) any{}, requests: map[string]int{}}
	p.server = httptest.NewServer(p)
	p.URL = p.server.URL
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails: it ends the program instead
	protocol, err := op.NewProvider(&op.Config{
		CryptoKey: key, CodeMethodS256: true, AuthMethodPost: true, GrantTypeRefreshToken: true,
	}, p.storage, op.StaticIssuer(p.URL), op.WithAllowInsecure())
	if err != nil {
		p.server.Close()
		return nil, fmt.Errorf("oidctest: %w", err)
	}
	p.mu.Lock()
	p.protocol = protocol
	p.mu.Unlock()
	p.storage.loginURL = p.URL + "/log-in?id="
	p.storage.callbackURL = op.AuthCallbackURL(protocol)
	return p, nil
}

// Close stops the provider.
func (p *Provider) Close() { p.server.Close() }

// Register allows the client to lead browsers back to a URL.
func (p *Provider) Register(redirectURL string) { p.storage.register(redirectURL) }

// Add gives people accounts, or changes them.
func (p *Provider) Add(people ...Person) {
	for _, person := range people {
		p.storage.add(person)
	}
}

// LetIn gives a person an account and lets them in at the next log-ins.
func (p *Provider) LetIn(person Person) {
	p.storage.add(person)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person, p.denies = person.Subject, false
}

// Deny makes whoever comes refuse their consent.
func (p *Provider) Deny() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.denies = true
}

// Fail makes the next requests to a path fail with a status.
func (p *Provider) Fail(path string, status, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures[path] = &failure{status, times}
}

// Requests counts the requests to a path.
func (p *Provider) Requests(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[path]
}

// Revoke makes all access tokens worthless, and refresh tokens too if so asked.
func (p *Provider) Revoke(refreshTokensToo bool) { p.storage.revoke(refreshTokensToo) }

// HandleUserInfo serves what another kind of provider would say about the
// person of an access token.
func (p *Provider) HandleUserInfo(path string, describe func(person Person) any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.extra[path] = describe
}

// IdentityToken signs an identity token with the provider's key, as a native
// app would get it.
func (p *Provider) IdentityToken(claims map[string]any) (string, error) {
	key := signingKey()
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: key.private}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", key.id))
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(text)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	protocol, describe := p.protocol, p.extra[r.URL.Path]
	p.requests[r.URL.Path]++
	fails := 0
	if f := p.failures[r.URL.Path]; f != nil && f.left > 0 {
		f.left--
		fails = f.status
	}
	p.mu.Unlock()
	switch {
	case fails != 0:
		http.Error(w, `{"error":"server_error"}`, fails)
	case r.URL.Path == "/log-in":
		p.logIn(w, r)
	case describe != nil:
		p.userInfo(w, r, describe)
	default:
		protocol.ServeHTTP(w, r)
	}
}

// logIn lets the browser in and leads it on.
func (p *Provider) logIn(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	subject, denies := p.person, p.denies
	p.mu.Unlock()
	if cookie, err := r.Cookie(PersonCookie); err == nil {
		subject = cookie.Value
	}
	id := r.URL.Query().Get("id")
	if denies {
		back, state, ok := p.storage.abandon(id)
		if !ok {
			http.Error(w, "no such request", http.StatusNotFound)
			return
		}
		http.Redirect(w, r, back+"?"+url.Values{"error": {"access_denied"}, "state": {state}}.Encode(), http.StatusFound)
		return
	}
	if !p.storage.logIn(id, subject) {
		http.Error(w, "no such request or person", http.StatusNotFound)
		return
	}
	http.Redirect(w, r, p.storage.callbackURL(op.ContextWithIssuer(r.Context(), p.URL), id), http.StatusFound)
}

// userInfo answers for whom the protocol's own user info knows.
func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request, describe func(Person) any) {
	standard := r.Clone(r.Context())
	standard.URL = &url.URL{Path: "/userinfo"}
	standard.RequestURI = "/userinfo"
	answer := httptest.NewRecorder()
	p.protocol.ServeHTTP(answer, standard)
	var claims struct {
		Subject string `json:"sub"`
	}
	if answer.Code != http.StatusOK || json.Unmarshal(answer.Body.Bytes(), &claims) != nil {
		http.Error(w, answer.Body.String(), answer.Code)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(describe(p.storage.person(claims.Subject))) // the client may be gone
}

// GitHub makes the provider speak of people as GitHub does, at paths that it
// returns.
func (p *Provider) GitHub() (userURL, emailsURL string) {
	p.HandleUserInfo("/github/user", func(person Person) any {
		return map[string]any{"id": len(person.Subject)*1000 + int(person.Subject[0]), "login": person.Subject, "name": person.Name, "avatar_url": person.Picture}
	})
	p.HandleUserInfo("/github/user/emails", func(person Person) any {
		return []map[string]any{
			{"email": "other@example.org", "primary": false, "verified": true},
			{"email": person.Email, "primary": true, "verified": person.EmailVerified},
		}
	})
	return p.URL + "/github/user", p.URL + "/github/user/emails"
}

// scopesOf splits the scopes of a request.
func scopesOf(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return strings.TrimSpace(s) == "" })
}
