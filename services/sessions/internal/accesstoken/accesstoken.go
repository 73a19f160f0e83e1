// Package accesstoken writes access tokens exactly as SDKs and customers'
// verifiers read them (auth.md §2).
package accesstoken

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"vestibule.dev/services/sessions/internal/domain"
)

// claims are the 18 claims of an access token. A claim without a value is
// null, never left out: SDKs treat a token that lacks one as no token.
type claims struct {
	Issuer           string            `json:"iss"`
	Audience         string            `json:"aud"`
	UserID           string            `json:"sub"`
	IssuedAt         int64             `json:"iat"`
	ExpiresAt        int64             `json:"exp"`
	ProjectID        string            `json:"project_id"`
	BranchID         string            `json:"branch_id"`
	RefreshTokenID   string            `json:"refresh_token_id"`
	Role             string            `json:"role"`
	Name             *string           `json:"name"`
	Email            *string           `json:"email"`
	EmailVerified    bool              `json:"email_verified"`
	SelectedTeamID   *string           `json:"selected_team_id"`
	SignedUpAt       int64             `json:"signed_up_at"`
	IsAnonymous      bool              `json:"is_anonymous"`
	IsRestricted     bool              `json:"is_restricted"`
	RestrictedReason *restrictedReason `json:"restricted_reason"`
	RequiresTOTPMFA  bool              `json:"requires_totp_mfa"`
}

type restrictedReason struct {
	Type string `json:"type"`
}

// role is the role of every signed-in user, anonymous ones included.
const role = "authenticated"

// Signer signs with ES256 (RFC 7518 section 3.4).
type Signer struct{}

// Sign returns the token in compact form. It makes one signature.
func (Signer) Sign(key domain.SigningKey, token domain.AccessToken, issuer string, issuedAt, expiresAt time.Time) (string, error) {
	subject := token.Subject
	var reason *restrictedReason
	if subject.RestrictedReason != "" {
		reason = &restrictedReason{Type: subject.RestrictedReason}
	}
	// Not jwt.NewWithClaims: the header of the contract has no typ.
	signed, err := (&jwt.Token{
		Method: jwt.SigningMethodES256,
		Header: map[string]any{"alg": jwt.SigningMethodES256.Alg(), "kid": key.KID},
		Claims: claims{
			Issuer:           issuer,
			Audience:         token.Audience().String(),
			UserID:           subject.UserID,
			IssuedAt:         issuedAt.Unix(),
			ExpiresAt:        expiresAt.Unix(),
			ProjectID:        token.ProjectID,
			BranchID:         token.BranchID,
			RefreshTokenID:   token.SessionID,
			Role:             role,
			Name:             subject.Name,
			Email:            subject.Email,
			EmailVerified:    subject.EmailVerified,
			SelectedTeamID:   subject.SelectedTeamID,
			SignedUpAt:       subject.SignedUpAt.Unix(),
			IsAnonymous:      subject.Anonymous,
			IsRestricted:     subject.Restricted || subject.Anonymous,
			RestrictedReason: reason,
			RequiresTOTPMFA:  subject.RequiresTOTP,
		},
	}).SignedString(key.Private)
	if err != nil {
		return "", fmt.Errorf("sign access token with key %s: %w", key.KID, err)
	}
	return signed, nil
}

// The registered claims, for jwt.Claims.

func (c claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c claims) GetSubject() (string, error)                  { return c.UserID, nil }
func (c claims) GetAudience() (jwt.ClaimStrings, error)       { return jwt.ClaimStrings{c.Audience}, nil }
func (c claims) GetIssuedAt() (*jwt.NumericDate, error)       { return date(c.IssuedAt), nil }
func (c claims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.ExpiresAt), nil }
func (c claims) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }

func date(seconds int64) *jwt.NumericDate { return jwt.NewNumericDate(time.Unix(seconds, 0)) }
