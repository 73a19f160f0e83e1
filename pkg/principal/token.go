package principal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"vestibule.dev/pkg/cache"
	"vestibule.dev/pkg/clock"
)

const (
	// MaxLife is how long a token is valid. It is spent in three parts: a
	// signer hands the same token out for reuse, the longest request may then
	// take 10 s, and the rest is what two clocks may differ by.
	MaxLife = 60 * time.Second
	reuse   = 30 * time.Second
	// skew is how far in the future a token may seem to be issued.
	skew = 20 * time.Second

	audience = "vestibule-principal"
	tokenTyp = "principal+jwt"

	// maxToken bounds what is worth hashing; real tokens have under 800 bytes.
	maxToken = 4 << 10
	// cached bounds the entries of each cache, at most about 1 KiB each.
	cached = 4096
)

// ErrInvalidToken is wrapped by every error of a verifier.
var ErrInvalidToken = errors.New("principal: token refused")

type claims struct {
	registered
	ProjectID        string `json:"pid,omitempty"`
	BranchID         string `json:"bid,omitempty"`
	Access           Access `json:"acc"`
	UserID           string `json:"uid,omitempty"`
	SessionID        string `json:"sid,omitempty"`
	Anonymous        bool   `json:"anon,omitempty"`
	Restricted       bool   `json:"restr,omitempty"`
	RestrictedReason string `json:"why,omitempty"`
	ConfigVersion    int64  `json:"cfg,omitempty"`
	AdminUserID      string `json:"adm,omitempty"`
}

// Signer mints principal tokens. It is safe for concurrent use.
type Signer struct {
	clock clock.Clock
	key   ed25519.PrivateKey
	kid   string
	cache *cache.Cache[Principal, minted]
}

type minted struct {
	token string
	until time.Time
}

// NewSigner returns a signer with this key.
func NewSigner(c clock.Clock, key ed25519.PrivateKey) (*Signer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("principal: signer needs an Ed25519 key")
	}
	return &Signer{
		clock: c, key: key, kid: keyID(key.Public().(ed25519.PublicKey)),
		cache: cache.New(cache.Options[Principal, minted]{MaxEntries: cached}),
	}, nil
}

// Sign returns a token for p. Identical principals share a token for a while,
// because a signature costs more than all else at the edge.
func (s *Signer) Sign(p Principal) (string, error) {
	now := s.clock.Now()
	if m, ok := s.cache.Get(p); ok && fresh(m.until, now) {
		return m.token, nil
	}
	if err := p.check(); err != nil {
		return "", fmt.Errorf("principal: sign: %w", err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		registered:       newRegistered(audience, audience, "", now),
		ProjectID:        p.ProjectID,
		BranchID:         p.BranchID,
		Access:           p.Access,
		UserID:           p.UserID,
		SessionID:        p.SessionID,
		Anonymous:        p.Anonymous,
		Restricted:       p.Restricted,
		RestrictedReason: p.RestrictedReason,
		ConfigVersion:    p.ConfigVersion,
		AdminUserID:      p.AdminUserID,
	})
	token.Header["typ"] = tokenTyp
	token.Header["kid"] = s.kid
	signed, err := token.SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("principal: sign: %w", err)
	}
	s.cache.Set(p, minted{token: signed, until: now.Add(reuse)})
	return signed, nil
}

// PublicKey returns the key a verifier needs.
func (s *Signer) PublicKey() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// Verifier checks principal tokens. It is safe for concurrent use.
type Verifier struct {
	clock clock.Clock
	keys  map[string]ed25519.PublicKey
	cache *cache.Cache[[sha256.Size]byte, verified]
	parse *jwt.Parser
}

type verified struct {
	principal Principal
	expires   time.Time
}

// NewVerifier returns a verifier that accepts tokens of any of the keys.
func NewVerifier(c clock.Clock, keys ...ed25519.PublicKey) (*Verifier, error) {
	if len(keys) == 0 {
		return nil, errors.New("principal: verifier needs a key")
	}
	ring := make(map[string]ed25519.PublicKey, len(keys))
	for _, key := range keys {
		if len(key) != ed25519.PublicKeySize {
			return nil, errors.New("principal: verifier needs Ed25519 keys")
		}
		ring[keyID(key)] = key
	}
	return &Verifier{
		clock: c, keys: ring, parse: newParser(jwt.SigningMethodEdDSA.Alg()),
		cache: cache.New(cache.Options[[sha256.Size]byte, verified]{MaxEntries: cached}),
	}, nil
}

// Verify returns the principal a token proves. Every error wraps
// [ErrInvalidToken] and says why for the log; callers are told nothing.
func (v *Verifier) Verify(token string) (Principal, error) {
	if len(token) > maxToken {
		return Principal{}, fmt.Errorf("%w: too long", ErrInvalidToken)
	}
	now := v.clock.Now()
	sum := sha256.Sum256([]byte(token))
	if hit, ok := v.cache.Get(sum); ok {
		if !now.Before(hit.expires) {
			v.cache.Drop(sum)
			return Principal{}, fmt.Errorf("%w: expired", ErrInvalidToken)
		}
		return hit.principal, nil
	}
	var c claims
	if _, err := v.parse.ParseWithClaims(token, &c, v.key); err != nil {
		return Principal{}, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	if err := c.check(audience, audience, now); err != nil {
		return Principal{}, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	p := Principal{
		ProjectID:        c.ProjectID,
		BranchID:         c.BranchID,
		Access:           c.Access,
		UserID:           c.UserID,
		SessionID:        c.SessionID,
		Anonymous:        c.Anonymous,
		Restricted:       c.Restricted,
		RestrictedReason: c.RestrictedReason,
		ConfigVersion:    c.ConfigVersion,
		AdminUserID:      c.AdminUserID,
	}
	if err := p.check(); err != nil {
		return Principal{}, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	v.cache.Set(sum, verified{principal: p, expires: time.Unix(c.Expires, 0)})
	return p, nil
}

func (v *Verifier) key(t *jwt.Token) (any, error) {
	kid, err := checkHeader(t, tokenTyp)
	if err != nil {
		return nil, err
	}
	key, ok := v.keys[kid]
	if !ok {
		return nil, errors.New("unknown key")
	}
	return key, nil
}

// registered holds the claims all kinds of token have. All are required.
type registered struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Subject  string `json:"sub,omitempty"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

func newRegistered(issuer, audience, subject string, now time.Time) registered {
	return registered{
		Issuer:   issuer,
		Audience: audience,
		Subject:  subject,
		IssuedAt: now.Unix(),
		Expires:  now.Unix() + int64(MaxLife/time.Second),
	}
}

func (r registered) check(issuer, audience string, now time.Time) error {
	return r.checkFor(issuer, audience, now, MaxLife)
}

func (r registered) checkFor(issuer, audience string, now time.Time, longest time.Duration) error {
	life := r.Expires - r.IssuedAt
	switch {
	case r.Issuer != issuer:
		return errors.New("wrong issuer")
	case r.Audience != audience:
		return errors.New("wrong audience")
	case r.IssuedAt <= 0 || life <= 0 || life > int64(longest/time.Second):
		return errors.New("life out of bounds")
	case !now.Before(time.Unix(r.Expires, 0)):
		return errors.New("expired; if it was not, the clocks of the two machines differ")
	case time.Unix(r.IssuedAt, 0).After(now.Add(skew)):
		return errors.New("issued in the future; the clocks of the two machines differ")
	}
	return nil
}

// The parser validates no claims itself, because its one leeway would also
// stretch expiry; these methods only satisfy its interface.

func (registered) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }
func (registered) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (registered) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (registered) GetIssuer() (string, error)                   { return "", nil }
func (registered) GetSubject() (string, error)                  { return "", nil }
func (registered) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }

func newParser(alg string) *jwt.Parser {
	return jwt.NewParser(jwt.WithValidMethods([]string{alg}), jwt.WithoutClaimsValidation(), jwt.WithStrictDecoding())
}

// checkHeader returns the key id. Any header beyond alg, typ and kid is
// refused: none of ours has one, and jku, jwk, x5u and crit exist to change
// how a token is to be verified.
func checkHeader(t *jwt.Token, typ string) (kid string, err error) {
	for name, value := range t.Header {
		text, ok := value.(string)
		switch {
		case name == "alg" && ok:
		case name == "typ" && text == typ:
		case name == "kid" && ok:
			kid = text
		default:
			return "", fmt.Errorf("header %q not accepted", name)
		}
	}
	if t.Header["typ"] != typ {
		return "", errors.New("header typ missing")
	}
	return kid, nil
}

// fresh reports whether a cached token may still be handed out. A clock that
// was set back must not keep one alive beyond its time.
func fresh(until, now time.Time) bool {
	return now.Before(until) && !now.Before(until.Add(-reuse))
}
