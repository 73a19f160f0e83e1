package accesstoken

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/domain"
)

// maxToken bounds what is worth decoding, in bytes.
const maxToken = 8 << 10

// errUnknownKey says that no published key has the token's key id.
var errUnknownKey = errors.New("accesstoken: unknown key")

// parser leaves the claims to us: an expired token is to be told from a forged
// one.
func parser() *jwt.Parser {
	return jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodES256.Alg()}), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
}

// unreadable reports what is not worth decoding, or could be written in several
// ways: even strict base64 skips line breaks.
func unreadable(token string) bool {
	return len(token) > maxToken || strings.ContainsAny(token, "\r\n")
}

// Audience reads whom a token says it is for, which proves nothing.
func (Signer) Audience(token string) (domain.Audience, bool) {
	if unreadable(token) {
		return domain.Audience{}, false
	}
	var read claims
	if _, _, err := parser().ParseUnverified(token, &read); err != nil {
		return domain.Audience{}, false
	}
	return domain.ParseAudience(read.Audience)
}

// Verify reads a token that one of the keys has signed for the audience,
// expired or not. It reports false for any other (auth.md §2.3).
func (Signer) Verify(token string, keys []domain.PublicKey, audience domain.Audience, issuer string) (domain.VerifiedToken, bool) {
	var read claims
	if unreadable(token) {
		return domain.VerifiedToken{}, false
	}
	if _, err := parser().ParseWithClaims(token, &read, func(t *jwt.Token) (any, error) { return keyOf(t, keys) }); err != nil {
		return domain.VerifiedToken{}, false
	}
	reason := ""
	if read.RestrictedReason != nil {
		reason = read.RestrictedReason.Type
	}
	anonymous := audience.Kind == domain.Anonymous
	ok := read.Issuer == issuer && read.Audience == audience.String() && read.ProjectID == audience.ProjectID &&
		read.BranchID == domain.MainBranch && read.UserID != "" && read.RefreshTokenID != "" &&
		read.IsAnonymous == anonymous && read.IsRestricted == (audience.Kind != domain.Ordinary) &&
		(reason != "") == read.IsRestricted && (reason == "anonymous") == anonymous
	return domain.VerifiedToken{
		Tenant:    ids.Tenant{ProjectID: read.ProjectID, BranchID: read.BranchID},
		UserID:    read.UserID,
		SessionID: read.RefreshTokenID,
		Anonymous: read.IsAnonymous,
		ExpiresAt: time.Unix(read.ExpiresAt, 0),
	}, ok
}

// keyOf finds the key that a token names. Its header may hold alg, kid and typ
// alone: everything else exists to change how a token is verified (RFC 8725).
func keyOf(token *jwt.Token, keys []domain.PublicKey) (*ecdsa.PublicKey, error) {
	for name := range token.Header {
		if !slices.Contains([]string{"alg", "kid", "typ"}, name) {
			return nil, errUnknownKey
		}
	}
	for _, key := range keys {
		if key.KID == token.Header["kid"] {
			point := slices.Concat([]byte{4}, key.X, key.Y)
			return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		}
	}
	return nil, errUnknownKey
}
