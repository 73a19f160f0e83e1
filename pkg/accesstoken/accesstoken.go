package accesstoken

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"vestibule.dev/pkg/cache"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/ids"
)

const (
	// maxAccessToken bounds what is worth decoding, in bytes.
	maxAccessToken = 8 << 10
	// tokensCached bounds memory; an entry has under 512 bytes.
	tokensCached = 50_000
	mainBranch   = "main"
)

// ErrInvalid says that a token is none of ours. Callers learn nothing else.
var ErrInvalid = errors.New("accesstoken: token refused")

// ExpiredError is a token whose only fault is its age.
type ExpiredError struct{ Claims *Claims }

func (*ExpiredError) Error() string { return "accesstoken: token expired" }

// Claims are the claims of an access token (auth.md §2.2). What a user has not
// is empty.
type Claims struct {
	ProjectID string
	UserID    string
	SessionID string
	Name      string
	Email     string
	// EmailVerified is about the address as it was when the token was made,
	// like everything here.
	EmailVerified  bool
	SelectedTeamID string
	// SignedUpAt has whole seconds.
	SignedUpAt time.Time
	Anonymous  bool
	Restricted bool
	// RestrictedReason is "anonymous", "email_not_verified" or
	// "restricted_by_administrator" for a restricted user, else empty.
	RestrictedReason string
	Expires          time.Time
}

// Verifier verifies access tokens (auth.md §2.3). It is safe for concurrent use.
type Verifier struct {
	keys    *verificationKeys
	clock   clock.Clock
	issuers [3]string
	cache   *cache.Cache[[sha256.Size]byte, verifiedToken]
	// verifications counts signature checks.
	verifications atomic.Uint64
}

type verifiedToken struct {
	claims   *Claims
	audience string
	kid      string
	key      *ecdsa.PublicKey
}

// New returns a verifier of tokens issued under publicURL, the origin of the API
// without a trailing slash.
func New(source KeySource, c clock.Clock, publicURL string, lives Lives) *Verifier {
	base := publicURL + "/api/v1/"
	return &Verifier{
		keys: newVerificationKeys(source, c, lives), clock: c,
		cache:   cache.New(cache.Options[[sha256.Size]byte, verifiedToken]{MaxEntries: tokensCached}),
		issuers: [3]string{base + "projects/", base + "projects-restricted-users/", base + "projects-anonymous-users/"},
	}
}

// Verifications returns the number of signature checks so far.
func (a *Verifier) Verifications() uint64 { return a.verifications.Load() }

// Verify returns the claims of a token. The error is [ErrInvalid], an
// *[ExpiredError], or 503 when the keys could not be had. A token that was seen
// before costs a hash; its key must still be published.
func (a *Verifier) Verify(ctx context.Context, token string) (*Claims, error) {
	if len(token) > maxAccessToken {
		return nil, ErrInvalid
	}
	sum := sha256.Sum256([]byte(token))
	if hit, ok := a.cache.Get(sum); ok {
		key, err := a.keys.get(ctx, hit.audience, hit.kid)
		switch {
		case err != nil:
			return nil, err
		case key == nil || !key.Equal(hit.key):
			a.cache.Drop(sum)
			return nil, ErrInvalid
		case !a.clock.Now().Before(hit.claims.Expires):
			a.cache.Drop(sum)
			return nil, &ExpiredError{hit.claims}
		}
		return hit.claims, nil
	}
	t, err := parseToken(token)
	if err != nil {
		return nil, ErrInvalid
	}
	project, kind, err := splitAudience(t.payload.Audience)
	if err != nil {
		return nil, ErrInvalid
	}
	key, err := a.keys.get(ctx, t.payload.Audience, t.kid)
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, ErrInvalid
	}
	a.verifications.Add(1)
	if jwt.SigningMethodES256.Verify(t.signed, t.signature, key) != nil {
		return nil, ErrInvalid
	}
	claims, err := a.check(t.payload, project, kind)
	if err != nil {
		return nil, err
	}
	a.cache.Set(sum, verifiedToken{claims: claims, audience: t.payload.Audience, kid: t.kid, key: key})
	return claims, nil
}

// audienceKind is the population of users a token was issued for.
type audienceKind uint8

const (
	audienceFull audienceKind = iota
	audienceRestricted
	audienceAnonymous
)

// splitAudience reads "<project id>", "<project id>:restricted" or "<project
// id>:anon". Anything else is refused before keys are asked for.
func splitAudience(audience string) (project string, kind audienceKind, err error) {
	project, suffix, found := strings.Cut(audience, ":")
	switch {
	case project != "internal" && !ids.ValidUUID(project):
		return "", 0, ErrInvalid
	case !found:
		return project, audienceFull, nil
	case suffix == "restricted":
		return project, audienceRestricted, nil
	case suffix == "anon":
		return project, audienceAnonymous, nil
	}
	return "", 0, ErrInvalid
}

// check applies the rules for a token with a good signature.
func (a *Verifier) check(p *tokenPayload, project string, kind audienceKind) (*Claims, error) {
	issued := false
	for _, issuer := range a.issuers {
		issued = issued || p.Issuer == issuer+project
	}
	if !issued || p.Subject == "" || p.Expires == nil {
		return nil, ErrInvalid
	}
	now := a.clock.Now()
	claims := &Claims{
		ProjectID:  project,
		UserID:     p.Subject,
		SessionID:  p.RefreshTokenID,
		Anonymous:  p.IsAnonymous,
		Restricted: p.IsAnonymous,
		Expires:    time.Unix(*p.Expires, 0),

		EmailVerified: p.EmailVerified,
	}
	for to, from := range map[*string]*string{&claims.Name: p.Name, &claims.Email: p.Email, &claims.SelectedTeamID: p.SelectedTeamID} {
		if from != nil {
			*to = *from
		}
	}
	if p.SignedUpAt != nil {
		claims.SignedUpAt = time.Unix(*p.SignedUpAt, 0)
	}
	if p.IsRestricted != nil {
		claims.Restricted = *p.IsRestricted
	}
	if p.RestrictedReason != nil {
		claims.RestrictedReason = p.RestrictedReason.Type
	} else if p.IsRestricted == nil && p.IsAnonymous {
		// Tokens from before restrictions existed.
		claims.RestrictedReason = "anonymous"
	}
	if !now.Before(claims.Expires) {
		return nil, &ExpiredError{claims}
	}
	consistent := claims.Anonymous == (kind == audienceAnonymous) &&
		claims.Restricted == (kind != audienceFull) &&
		(claims.RestrictedReason != "") == claims.Restricted &&
		(claims.RestrictedReason == "anonymous") == claims.Anonymous &&
		p.ProjectID == project && p.BranchID == mainBranch
	if !consistent || p.NotBefore != nil && now.Before(time.Unix(*p.NotBefore, 0)) {
		return nil, ErrInvalid
	}
	return claims, nil
}

// rawToken is a decoded but unverified token.
type rawToken struct {
	kid       string
	payload   *tokenPayload
	signed    string
	signature []byte
}

type tokenPayload struct {
	Issuer           string  `json:"iss"`
	Audience         string  `json:"aud"`
	Subject          string  `json:"sub"`
	Expires          *int64  `json:"exp"`
	NotBefore        *int64  `json:"nbf"`
	ProjectID        string  `json:"project_id"`
	BranchID         string  `json:"branch_id"`
	RefreshTokenID   string  `json:"refresh_token_id"`
	Name             *string `json:"name"`
	Email            *string `json:"email"`
	EmailVerified    bool    `json:"email_verified"`
	SelectedTeamID   *string `json:"selected_team_id"`
	SignedUpAt       *int64  `json:"signed_up_at"`
	IsAnonymous      bool    `json:"is_anonymous"`
	IsRestricted     *bool   `json:"is_restricted"`
	RestrictedReason *struct {
		Type string `json:"type"`
	} `json:"restricted_reason"`
}

// ClaimedProject is the project a token says it is for, which proves nothing;
// empty when the token cannot be taken apart.
func ClaimedProject(token string) string {
	raw, err := parseToken(token)
	if err != nil {
		return ""
	}
	project, _, _ := strings.Cut(raw.payload.Audience, ":")
	return project
}

// parseToken takes a compact JWS apart. Its header may hold alg, kid and typ
// and nothing else: jku, jwk, x5u and crit exist to change how a token is to
// be verified, and ours never need that (RFC 8725).
func parseToken(token string) (*rawToken, error) {
	head, rest, ok1 := strings.Cut(token, ".")
	body, sig, ok2 := strings.Cut(rest, ".")
	if !ok1 || !ok2 || strings.Contains(sig, ".") || strings.ContainsAny(token, "\r\n") { // which even strict base64 skips
		return nil, ErrInvalid
	}
	var header struct {
		Algorithm string  `json:"alg"`
		KeyID     string  `json:"kid"`
		Type      *string `json:"typ"`
	}
	if err := decodeSegment(head, &header, "alg", "kid", "typ"); err != nil {
		return nil, err
	}
	if header.Algorithm != jwt.SigningMethodES256.Alg() || header.KeyID == "" || header.Type != nil && !strings.EqualFold(*header.Type, "JWT") {
		return nil, ErrInvalid
	}
	t := &rawToken{kid: header.KeyID, payload: &tokenPayload{}, signed: token[:len(head)+1+len(body)]}
	if err := decodeSegment(body, t.payload); err != nil {
		return nil, err
	}
	var err error
	if t.signature, err = strictBase64.DecodeString(sig); err != nil {
		return nil, ErrInvalid
	}
	return t, nil
}

var strictBase64 = base64.RawURLEncoding.Strict()

// decodeSegment decodes one JSON object into v. Names must be unique, in plain
// lower case, and among allowed if any are given: two readers of one token
// must never see two things, and encoding/json folds case.
func decodeSegment(segment string, v any, allowed ...string) error {
	data, err := strictBase64.DecodeString(segment)
	if err != nil {
		return ErrInvalid
	}
	seen := map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(data))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return ErrInvalid
	}
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok || seen[name] || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			return ErrInvalid
		}
		if len(allowed) > 0 && !slices.Contains(allowed, name) {
			return ErrInvalid
		}
		seen[name] = true
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return ErrInvalid
		}
	}
	if _, err := dec.Token(); err != nil || dec.InputOffset() != int64(len(data)) {
		return ErrInvalid
	}
	if json.Unmarshal(data, v) != nil {
		return ErrInvalid
	}
	return nil
}
