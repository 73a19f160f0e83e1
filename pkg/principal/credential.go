package principal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"vestibule.dev/pkg/cache"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/ids"
)

const (
	// MaxCredentialLife is the longest life of a service credential. It is
	// kept in files of other systems, so it has to end.
	MaxCredentialLife = 366 * 24 * time.Hour

	credentialAudience = "vestibule-service"
	credentialTyp      = "service+jwt"
	credentialsCached  = 256
)

// Credential names one of the operator's own backends and what it may do.
type Credential struct {
	// ID names this credential, for revocation; empty for a certificate.
	ID string
	// Name of the backend, as it appears in logs and as actor of events.
	Name   string
	Scopes []Scope
}

// Covers reports whether the credential grants level in a context and project.
func (c Credential) Covers(context string, level Level, projectID string) bool {
	return slices.ContainsFunc(c.Scopes, func(s Scope) bool { return s.covers(context, level, projectID) })
}

// Level is how much a scope grants.
type Level string

// Levels, each granting what those before it do.
const (
	// LevelRead is server access to methods that change nothing.
	LevelRead Level = "read"
	// LevelServer is server access, what the secret server key of the project
	// gives.
	LevelServer Level = "server"
	// LevelAdmin is server and admin access.
	LevelAdmin Level = "admin"
)

var levels = []Level{LevelRead, LevelServer, LevelAdmin}

// Any as context or project of a scope stands for all.
const Any = "*"

// Contexts are what a scope may name.
var Contexts = []string{"identity", "sessions", "teams", "notifications", "payments"}

// Scope is a level of access to one context in one project. Its text form is
// <context>:<level>:<project id>, such as payments:server:*.
type Scope struct {
	Context   string
	Level     Level
	ProjectID string
}

// String returns the text form.
func (s Scope) String() string {
	return strings.Join([]string{s.Context, string(s.Level), s.ProjectID}, ":")
}

func (s Scope) covers(context string, level Level, projectID string) bool {
	return (s.Context == Any || s.Context == context) &&
		(s.ProjectID == Any || s.ProjectID == projectID) &&
		slices.Index(levels, s.Level) >= slices.Index(levels, level)
}

// ParseScopes reads scopes separated by blanks. It refuses what would grant
// nothing, because that is a mistake.
func ParseScopes(text string) ([]Scope, error) {
	var scopes []Scope
	for field := range strings.FieldsSeq(text) {
		context, rest, ok1 := strings.Cut(field, ":")
		level, project, ok2 := strings.Cut(rest, ":")
		s := Scope{Context: context, Level: Level(level), ProjectID: project}
		switch {
		case !ok1 || !ok2 || project == "":
			return nil, fmt.Errorf("principal: scope %q is not <context>:<level>:<project>", field)
		case context != Any && !slices.Contains(Contexts, context):
			return nil, fmt.Errorf("principal: scope %q names none of the contexts %s", field, strings.Join(Contexts, ", "))
		case !slices.Contains(levels, s.Level):
			return nil, fmt.Errorf("principal: scope %q names none of the levels read, server, admin", field)
		case project != Any && project != "internal" && !ids.ValidUUID(project):
			return nil, fmt.Errorf("principal: scope %q does not end in a project's id or *", field)
		}
		scopes = append(scopes, s)
	}
	return scopes, nil
}

// credentialClaims has the shape of a token of RFC 9068, as far as it goes.
type credentialClaims struct {
	registered
	ID    string `json:"jti"`
	Scope string `json:"scope"`
}

// CredentialIssuer makes service credentials.
type CredentialIssuer struct {
	clock clock.Clock
	key   ed25519.PrivateKey
}

// NewCredentialIssuer returns an issuer that signs with this key. It must not
// be the key that signs principals.
func NewCredentialIssuer(c clock.Clock, key ed25519.PrivateKey) (*CredentialIssuer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("principal: credential issuer needs an Ed25519 key")
	}
	return &CredentialIssuer{clock: c, key: key}, nil
}

// Issue returns a credential and the token that proves it for as long as life.
func (i *CredentialIssuer) Issue(name string, scopes []Scope, life time.Duration) (token string, c Credential, err error) {
	switch {
	case !validBackend(name):
		return "", Credential{}, fmt.Errorf("principal: a backend's name is 1 to 63 lower-case letters, digits and hyphens, not %q", name)
	case len(scopes) == 0:
		return "", Credential{}, errors.New("principal: a credential without scopes is of no use")
	case life < time.Second || life > MaxCredentialLife:
		return "", Credential{}, fmt.Errorf("principal: a credential lives for a second to %v", MaxCredentialLife)
	}
	c = Credential{ID: ids.NewUUID(), Name: name, Scopes: scopes}
	texts := make([]string, len(scopes))
	for n, s := range scopes {
		texts[n] = s.String()
	}
	now := i.clock.Now()
	claims := credentialClaims{
		registered: newRegistered(credentialAudience, credentialAudience, name, now),
		ID:         c.ID,
		Scope:      strings.Join(texts, " "),
	}
	claims.Expires = now.Add(life).Unix()
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	t.Header["typ"] = credentialTyp
	t.Header["kid"] = keyID(i.key.Public().(ed25519.PublicKey))
	if token, err = t.SignedString(i.key); err != nil {
		return "", Credential{}, fmt.Errorf("principal: sign credential: %w", err)
	}
	return token, c, nil
}

// validBackend reports whether a name is safe in logs, events and SPIFFE ids.
func validBackend(name string) bool {
	return name != "" && len(name) <= 63 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// CredentialVerifier checks service credentials. It is safe for concurrent use.
type CredentialVerifier struct {
	clock   clock.Clock
	keys    map[string]ed25519.PublicKey
	revoked map[string]bool
	cache   *cache.Cache[[sha256.Size]byte, verifiedCredential]
	parse   *jwt.Parser
}

type verifiedCredential struct {
	credential Credential
	expires    time.Time
}

// NewCredentialVerifier returns a verifier that accepts tokens of any of the
// keys, except those whose ids are revoked.
func NewCredentialVerifier(c clock.Clock, keys []ed25519.PublicKey, revoked ...string) (*CredentialVerifier, error) {
	if len(keys) == 0 {
		return nil, errors.New("principal: credential verifier needs a key")
	}
	v := &CredentialVerifier{
		clock: c, keys: make(map[string]ed25519.PublicKey, len(keys)), revoked: make(map[string]bool, len(revoked)),
		parse: newParser(jwt.SigningMethodEdDSA.Alg()),
		cache: cache.New(cache.Options[[sha256.Size]byte, verifiedCredential]{MaxEntries: credentialsCached}),
	}
	for _, key := range keys {
		if len(key) != ed25519.PublicKeySize {
			return nil, errors.New("principal: credential verifier needs Ed25519 keys")
		}
		v.keys[keyID(key)] = key
	}
	for _, id := range revoked {
		v.revoked[id] = true
	}
	return v, nil
}

// Verify returns the credential a token proves. Every error wraps
// [ErrInvalidToken].
func (v *CredentialVerifier) Verify(token string) (Credential, error) {
	if len(token) > maxToken {
		return Credential{}, fmt.Errorf("%w: too long", ErrInvalidToken)
	}
	now := v.clock.Now()
	sum := sha256.Sum256([]byte(token))
	if hit, ok := v.cache.Get(sum); ok {
		if !now.Before(hit.expires) {
			v.cache.Drop(sum)
			return Credential{}, fmt.Errorf("%w: expired", ErrInvalidToken)
		}
		return hit.credential, nil
	}
	var claims credentialClaims
	if _, err := v.parse.ParseWithClaims(token, &claims, v.key); err != nil {
		return Credential{}, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	if err := claims.checkFor(credentialAudience, credentialAudience, now, MaxCredentialLife); err != nil {
		return Credential{}, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	if !validBackend(claims.Subject) || claims.ID == "" {
		return Credential{}, fmt.Errorf("%w: no name or no id", ErrInvalidToken)
	}
	if v.revoked[claims.ID] {
		return Credential{}, fmt.Errorf("%w: credential %s of %s is revoked", ErrInvalidToken, claims.ID, claims.Subject)
	}
	scopes, err := ParseScopes(claims.Scope)
	if err != nil {
		return Credential{}, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	c := Credential{ID: claims.ID, Name: claims.Subject, Scopes: scopes}
	v.cache.Set(sum, verifiedCredential{credential: c, expires: time.Unix(claims.Expires, 0)})
	return c, nil
}

func (v *CredentialVerifier) key(t *jwt.Token) (any, error) {
	kid, err := checkHeader(t, credentialTyp)
	if err != nil {
		return nil, err
	}
	key, ok := v.keys[kid]
	if !ok {
		return nil, errors.New("unknown key")
	}
	return key, nil
}
