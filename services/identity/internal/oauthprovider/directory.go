package oauthprovider

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"vestibule.dev/pkg/clock"
)

const (
	// knownFor is how long what an issuer told about itself is believed.
	knownFor = time.Hour
	// maxKnown bounds how many issuers are remembered.
	maxKnown = 1024
)

// asymmetric are the algorithms of identity tokens: the keys to verify them are
// public, so none of those with a shared key.
var asymmetric = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// directory remembers what issuers tell about themselves. What was asked with
// the rights of the operator is in another one than what projects made us ask.
type directory struct {
	clock clock.Clock

	mu         sync.Mutex
	discovered map[string]*discovery
	keySets    map[string]oidc.KeySet
}

// discovery is what an issuer tells about itself.
type discovery struct {
	endpoint    oauth2.Endpoint
	userInfoURL string
	jwksURL     string
	algorithms  []string

	readAt time.Time
}

func newDirectory(now clock.Clock) *directory {
	return &directory{clock: now, discovered: map[string]*discovery{}, keySets: map[string]oidc.KeySet{}}
}

// discover reads what an issuer tells about itself, and remembers it for an
// hour. What was read last remains good when the issuer cannot be asked then.
func (d *directory) discover(ctx context.Context, issuer string) (*discovery, error) {
	d.mu.Lock()
	known := d.discovered[issuer]
	d.mu.Unlock()
	if known != nil && d.clock.Now().Sub(known.readAt) < knownFor {
		return known, nil
	}
	read, err := readDiscovery(ctx, issuer)
	if err != nil {
		if known != nil {
			return known, nil
		}
		return nil, fmt.Errorf("oauthprovider: discover %s: %w", issuer, err)
	}
	read.readAt = d.clock.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	forgetAny(d.discovered)
	d.discovered[issuer] = read
	return read, nil
}

// readDiscovery fails for a document that names another issuer (OpenID Connect
// Discovery 1.0 section 4.3).
func readDiscovery(ctx context.Context, issuer string) (*discovery, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, err
	}
	var document struct {
		JWKSURL     string   `json:"jwks_uri"`
		Algorithms  []string `json:"id_token_signing_alg_values_supported"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&document); err != nil {
		return nil, err
	}
	endpoint := provider.Endpoint()
	// Otherwise the library tries both ways, and the first may spend the code.
	switch {
	case slices.Contains(document.AuthMethods, "client_secret_basic"):
		endpoint.AuthStyle = oauth2.AuthStyleInHeader
	case slices.Contains(document.AuthMethods, "client_secret_post"):
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &discovery{
		endpoint: endpoint, userInfoURL: provider.UserInfoEndpoint(), jwksURL: document.JWKSURL,
		algorithms: slices.DeleteFunc(document.Algorithms, func(algorithm string) bool { return !slices.Contains(asymmetric, algorithm) }),
	}, nil
}

// keySet returns the keys at a URL, which are fetched when they are needed and
// kept. It outlives the request.
func (d *directory) keySet(ctx context.Context, jwksURL string) oidc.KeySet {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.keySets[jwksURL] == nil {
		forgetAny(d.keySets)
		d.keySets[jwksURL] = oidc.NewRemoteKeySet(context.WithoutCancel(ctx), jwksURL)
	}
	return d.keySets[jwksURL]
}

// forgetAny makes room in a full map.
func forgetAny[V any](known map[string]V) {
	if len(known) < maxKnown {
		return
	}
	for name := range known {
		delete(known, name)
		return
	}
}
