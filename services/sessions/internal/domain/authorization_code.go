package domain

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/url"
	"time"

	"vestibule.dev/pkg/ids"
)

// AuthorizationCodeLifetime is how long a code waits for its exchange
// (auth.md §9.3).
const AuthorizationCodeLifetime = 5 * time.Minute

// Ways to make a code challenge of a verifier (RFC 7636 section 4.2).
const (
	ChallengeS256  = "S256"
	ChallengePlain = "plain"
)

// AuthorizationCode is what an OAuth authorization code stands for.
type AuthorizationCode struct {
	ids.Tenant

	UserID string
	// RedirectURI is where the code was sent; the exchange must repeat it.
	RedirectURI   string
	Challenge     CodeChallenge
	IsNewUser     bool
	AfterCallback *string
	// HandedOver is the session that another domain takes part in; nil for a
	// code that opens a session.
	HandedOver *HandedOverSession
}

// HandedOverSession is a session with what it is used with.
type HandedOverSession struct{ SessionID, RefreshToken string }

// CodeChallenge binds a code to whoever began the authorization (RFC 7636).
type CodeChallenge struct{ Text, Method string }

// ProvedBy reports whether the challenge was made of the verifier. Nobody has
// the verifier of an empty challenge.
func (c CodeChallenge) ProvedBy(verifier string) bool {
	if c.Text == "" || verifier == "" {
		return false
	}
	made := verifier
	if c.Method == ChallengeS256 {
		sum := sha256.Sum256([]byte(verifier))
		made = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(made), []byte(c.Text)) == 1
}

// AddQuery returns the URL with the parameters set and its other parameters
// kept.
func AddQuery(raw string, parameters map[string]string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", err
	}
	query := u.Query()
	for name, value := range parameters {
		query.Set(name, value)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// VerifiedToken is what an access token that was verified says about its user.
type VerifiedToken struct {
	ids.Tenant

	UserID, SessionID string
	Anonymous         bool
	ExpiresAt         time.Time
}
