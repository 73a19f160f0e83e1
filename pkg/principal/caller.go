package principal

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"crypto/sha256"

	"github.com/golang-jwt/jwt/v5"

	"vestibule.dev/pkg/cache"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/secret"
)

const (
	callerAudience = "vestibule-internal"
	callerTyp      = "caller+jwt"
	// minCallerKey is the key size RFC 7518 section 3.2 asks for with HS256.
	minCallerKey = 32
)

// ParseCallerKeys reads the keys that all services share, separated by commas:
// the first signs, each verifies. Two are what makes rotation possible without
// refusing a call. Each has at least 32 bytes. Errors do not repeat the text.
func ParseCallerKeys(text secret.Secret) ([]secret.Secret, error) {
	var keys []secret.Secret
	for part := range strings.SplitSeq(text.Reveal(), ",") {
		key := strings.TrimSpace(part)
		if len(key) < minCallerKey {
			return nil, fmt.Errorf("principal: caller key %d needs at least %d bytes", len(keys)+1, minCallerKey)
		}
		keys = append(keys, secret.Secret(key))
	}
	return keys, nil
}

// CallerSigner mints the token by which a service names itself to another.
type CallerSigner struct {
	clock   clock.Clock
	service string
	key     []byte
	last    atomic.Pointer[minted]
}

// NewCallerSigner returns a signer for the service of that name. The key is
// shared by all services and has at least 32 bytes.
func NewCallerSigner(c clock.Clock, service string, key secret.Secret) (*CallerSigner, error) {
	switch {
	case service == "":
		return nil, errors.New("principal: caller signer needs a service name")
	case len(key) < minCallerKey:
		return nil, fmt.Errorf("principal: caller key needs at least %d bytes", minCallerKey)
	}
	return &CallerSigner{clock: c, service: service, key: []byte(key)}, nil
}

// Token returns a token that is valid for at least half a minute.
func (s *CallerSigner) Token() (string, error) {
	now := s.clock.Now()
	if m := s.last.Load(); m != nil && fresh(m.until, now) {
		return m.token, nil
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, newRegistered(s.service, callerAudience, s.service, now))
	token.Header["typ"] = callerTyp
	signed, err := token.SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("principal: sign caller token: %w", err)
	}
	s.last.Store(&minted{token: signed, until: now.Add(reuse)})
	return signed, nil
}

// CallerVerifier checks caller tokens. It is safe for concurrent use.
type CallerVerifier struct {
	clock clock.Clock
	keys  []jwt.VerificationKey
	cache *cache.Cache[[sha256.Size]byte, verifiedCaller]
	parse *jwt.Parser
}

type verifiedCaller struct {
	service string
	claims  registered
}

// NewCallerVerifier returns a verifier that accepts tokens of any of the keys.
func NewCallerVerifier(c clock.Clock, keys ...secret.Secret) (*CallerVerifier, error) {
	if len(keys) == 0 {
		return nil, errors.New("principal: caller verifier needs a key")
	}
	v := &CallerVerifier{
		clock: c, parse: newParser(jwt.SigningMethodHS256.Alg()),
		cache: cache.New(cache.Options[[sha256.Size]byte, verifiedCaller]{MaxEntries: 64}),
	}
	for _, key := range keys {
		if len(key) < minCallerKey {
			return nil, fmt.Errorf("principal: caller key needs at least %d bytes", minCallerKey)
		}
		v.keys = append(v.keys, []byte(key))
	}
	return v, nil
}

// Verify returns the name of the service that made the token. Every error
// wraps [ErrInvalidToken].
func (v *CallerVerifier) Verify(token string) (service string, err error) {
	if len(token) > maxToken {
		return "", fmt.Errorf("%w: too long", ErrInvalidToken)
	}
	now := v.clock.Now()
	sum := sha256.Sum256([]byte(token))
	hit, ok := v.cache.Get(sum)
	if !ok {
		if _, err := v.parse.ParseWithClaims(token, &hit.claims, v.key); err != nil {
			return "", fmt.Errorf("%w: %w", ErrInvalidToken, err)
		}
		hit.service = hit.claims.Subject
	}
	if hit.service == "" {
		return "", fmt.Errorf("%w: no subject", ErrInvalidToken)
	}
	if err := hit.claims.check(hit.service, callerAudience, now); err != nil {
		v.cache.Drop(sum)
		return "", fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	if !ok {
		v.cache.Set(sum, hit)
	}
	return hit.service, nil
}

func (v *CallerVerifier) key(t *jwt.Token) (any, error) {
	if _, err := checkHeader(t, callerTyp); err != nil {
		return nil, err
	}
	return jwt.VerificationKeySet{Keys: v.keys}, nil
}
