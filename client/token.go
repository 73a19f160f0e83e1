package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vestibule.dev/pkg/accesstoken"
	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
)

// Claims are what an access token says about its user (auth.md §2.2).
type Claims = accesstoken.Claims

// VerifierConfig says whose tokens are accepted.
type VerifierConfig struct {
	// BaseURL is the origin of the API as its users know it, without a
	// trailing slash: it is part of the tokens' issuer.
	BaseURL string
	// KeysURL is the origin under which the keys are fetched, if it is another.
	KeysURL string
	// ProjectID is the project whose users are accepted.
	ProjectID string
	// AllowAnonymous accepts users who have not signed up, and AllowRestricted
	// those who still have to verify their address or were restricted by an
	// operator. Anonymous users are restricted too and need the first alone.
	AllowAnonymous, AllowRestricted bool
	// HTTP fetches the keys; nil means a client with a time-out of 5 s.
	HTTP *http.Client
}

// keyLives are for a verifier outside: published keys come an hour before they
// sign, so that fetching rarely costs nothing but the time until a withdrawn
// key is noticed.
var keyLives = accesstoken.Lives{
	Fresh: 5 * time.Minute, Stale: time.Hour, Pause: 5 * time.Second, Fetch: 5 * time.Second,
}

// Verifier verifies access tokens of users without asking anybody: with the
// key set of the project, which it fetches when a token names a key that it
// does not know, and every five minutes. It is safe for concurrent use.
type Verifier struct {
	cfg    VerifierConfig
	tokens *accesstoken.Verifier
}

// NewVerifier returns a verifier. It fetches nothing yet.
func NewVerifier(cfg VerifierConfig) (*Verifier, error) {
	if cfg.BaseURL == "" || cfg.ProjectID == "" {
		return nil, fmt.Errorf("client: a verifier needs a base URL and a project")
	}
	if cfg.KeysURL == "" {
		cfg.KeysURL = cfg.BaseURL
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: 5 * time.Second}
	}
	v := &Verifier{cfg: cfg}
	v.tokens = accesstoken.New(v.keys, clock.System(), cfg.BaseURL, keyLives)
	return v, nil
}

// Verify returns the claims of a token, or the error with which the API would
// refuse it: UNPARSABLE_ACCESS_TOKEN, which tokens of other projects are as
// well, ACCESS_TOKEN_EXPIRED, ANONYMOUS_AUTHENTICATION_NOT_ALLOWED or
// RESTRICTED_USER_NOT_ALLOWED; 503 when the keys could not be fetched. A token
// stays valid until it ends, at most ten minutes by default, whatever happens
// to its session.
func (v *Verifier) Verify(ctx context.Context, token string) (*Claims, error) {
	claims, err := v.tokens.Verify(ctx, token)
	if err = accesstoken.Known(err); err != nil {
		return nil, err
	}
	switch {
	case claims.Anonymous && !v.cfg.AllowAnonymous:
		return nil, apierr.AnonymousAuthenticationNotAllowed()
	case claims.Restricted && !v.cfg.AllowRestricted && !v.cfg.AllowAnonymous:
		return nil, apierr.RestrictedUserNotAllowed(claims.RestrictedReason)
	}
	return claims, nil
}

// keys fetches the keys of one audience. A key set holds those of several, and
// which they are tells the difference to the next smaller set: a key of
// restricted users must not verify tokens of others.
func (v *Verifier) keys(ctx context.Context, audience string) ([]accesstoken.Key, error) {
	project, kind, _ := strings.Cut(audience, ":")
	if project != v.cfg.ProjectID {
		return nil, nil // refused without asking for keys that would not help
	}
	sets := map[string][2]string{ // what holds the audience, and what does not yet
		"":           {"", ""},
		"restricted": {"include_restricted=true", ""},
		"anon":       {"include_anonymous=true", "include_restricted=true"},
	}[kind]
	keys, err := v.fetch(ctx, project, sets[0])
	if err != nil || kind == "" {
		return keys, err
	}
	others, err := v.fetch(ctx, project, sets[1])
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(others))
	for _, key := range others {
		known[key.ID] = true
	}
	own := keys[:0]
	for _, key := range keys {
		if !known[key.ID] {
			own = append(own, key)
		}
	}
	return own, nil
}

// maxKeySet bounds a key set in bytes; a real one has six keys.
const maxKeySet = 64 << 10

func (v *Verifier) fetch(ctx context.Context, project, query string) ([]accesstoken.Key, error) {
	address := v.cfg.KeysURL + "/api/v1/projects/" + url.PathEscape(project) + "/.well-known/jwks.json"
	if query != "" {
		address += "?" + query
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	answer, err := v.cfg.HTTP.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, nil
	default:
		return nil, fmt.Errorf("client: %s answered %s", address, answer.Status)
	}
	var set struct {
		Keys []struct {
			Type      string `json:"kty"`
			Algorithm string `json:"alg"`
			Curve     string `json:"crv"`
			ID        string `json:"kid"`
			X         string `json:"x"`
			Y         string `json:"y"`
		} `json:"keys"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxKeySet)).Decode(&set); err != nil {
		return nil, fmt.Errorf("client: %s: %w", address, err)
	}
	keys := make([]accesstoken.Key, 0, len(set.Keys))
	for _, k := range set.Keys {
		if k.Type != "EC" || k.Algorithm != "ES256" || k.Curve != "P-256" {
			continue // for verifiers of other kinds of tokens
		}
		key, err := accesstoken.ParseKey(k.ID, k.X, k.Y)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}
