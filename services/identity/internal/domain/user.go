package domain

import (
	"encoding/json"
	"strings"
	"time"

	"vestibule.dev/pkg/ids"
)

// User is a user with everything the API shows of them except what other
// contexts know. Metadata is any JSON; nil stands for null.
type User struct {
	ids.Tenant

	ID                     string
	DisplayName            *string
	ProfileImageURL        *string
	ClientMetadata         json.RawMessage
	ClientReadOnlyMetadata json.RawMessage
	ServerMetadata         json.RawMessage
	SelectedTeamID         *string

	// PrimaryEmail is nil when no channel is primary.
	PrimaryEmail *PrimaryEmail

	HasPassword    bool
	HasPasskey     bool
	OTPAuthEnabled bool
	// RequiresTOTPMFA says that sign-in needs a second factor.
	RequiresTOTPMFA bool
	OAuthAccounts   []OAuthAccount

	IsAnonymous                     bool
	RestrictedByAdmin               bool
	RestrictedByAdminReason         *string
	RestrictedByAdminPrivateDetails *string

	// CountryCode is two upper-case letters.
	CountryCode *string
	RiskScores  RiskScores

	// Version grows with every change except of LastActiveAt.
	Version      int64
	SignedUpAt   time.Time
	LastActiveAt time.Time
}

// PrimaryEmail is the address a user is known by.
type PrimaryEmail struct {
	// Value is normalised.
	Value       string
	IsVerified  bool
	UsedForAuth bool
}

// OAuthAccount is an account at an OAuth provider that is linked to a user.
type OAuthAccount struct {
	// ProviderConfigID is the key of the provider in the configuration.
	ProviderConfigID string
	AccountID        string
	Email            *string
}

// RiskScores are assessments from 0 (harmless) to 100.
type RiskScores struct {
	Bot, FreeTrialAbuse int32
}

// Team is what identity shows of a team that a user selected.
type Team struct {
	ID                     string
	DisplayName            string
	ProfileImageURL        *string
	ClientMetadata         json.RawMessage
	ClientReadOnlyMetadata json.RawMessage
	ServerMetadata         json.RawMessage
	CreatedAt              time.Time
}

// Email returns the primary address, or "".
func (u *User) Email() string {
	if u.PrimaryEmail == nil {
		return ""
	}
	return u.PrimaryEmail.Value
}

// EmailVerified reports whether the user has a verified primary address.
func (u *User) EmailVerified() bool {
	return u.PrimaryEmail != nil && u.PrimaryEmail.IsVerified
}

// PersonalTeamName names the team a new user starts with (users.md §2.8).
func (u *User) PersonalTeamName() string {
	switch {
	case u.DisplayName != nil && *u.DisplayName != "":
		return *u.DisplayName + "'s Team"
	case u.Email() != "":
		return u.Email() + "'s Team"
	default:
		return "Personal Team"
	}
}

// NilIfEmpty turns the empty string, which display names and restriction texts
// do not tell from null, into nil.
func NilIfEmpty(text *string) *string {
	if text == nil || *text == "" {
		return nil
	}
	return text
}

// NormalizeCountry returns the stored form of a country code.
func NormalizeCountry(code string) string {
	return strings.ToUpper(strings.TrimSpace(code))
}
