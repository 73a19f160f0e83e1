package app

import (
	"encoding/json"

	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/domain"
)

// UserPatch is a partial update of a user (users.md §1.2). Which fields a
// caller may set is decided where requests are translated.
type UserPatch struct {
	DisplayName     patch.Field[string]
	ProfileImageURL patch.Field[string]
	// Metadata is any JSON.
	ClientMetadata         patch.Field[json.RawMessage]
	ClientReadOnlyMetadata patch.Field[json.RawMessage]
	ServerMetadata         patch.Field[json.RawMessage]
	SelectedTeamID         patch.Field[string]

	PrimaryEmail            patch.Field[string]
	PrimaryEmailVerified    patch.Field[bool]
	PrimaryEmailAuthEnabled patch.Field[bool]

	OTPAuthEnabled     patch.Field[bool]
	PasskeyAuthEnabled patch.Field[bool]
	Password           patch.Field[secret.Secret]
	PasswordHash       patch.Field[secret.Secret]
	// TOTPSecret is the shared key of the second factor.
	TOTPSecret patch.Field[[]byte]

	IsAnonymous                     patch.Field[bool]
	RestrictedByAdmin               patch.Field[bool]
	RestrictedByAdminReason         patch.Field[string]
	RestrictedByAdminPrivateDetails patch.Field[string]
	CountryCode                     patch.Field[string]
	RiskScores                      patch.Field[domain.RiskScores]
}

// changesPassword reports whether the patch sets, replaces or removes the
// password.
func (p *UserPatch) changesPassword() bool { return p.Password.IsSet() || p.PasswordHash.IsSet() }

// applyTo copies the fields that need neither rules nor other rows.
func (p *UserPatch) applyTo(user *domain.User) {
	user.DisplayName = domain.NilIfEmpty(p.DisplayName.OrPointer(user.DisplayName))
	user.ClientMetadata = p.ClientMetadata.Or(user.ClientMetadata)
	user.ClientReadOnlyMetadata = p.ClientReadOnlyMetadata.Or(user.ClientReadOnlyMetadata)
	user.ServerMetadata = p.ServerMetadata.Or(user.ServerMetadata)
	user.CountryCode = patch.Map(p.CountryCode, domain.NormalizeCountry).OrPointer(user.CountryCode)
	user.RiskScores = p.RiskScores.Or(user.RiskScores)
	if p.TOTPSecret.IsSet() {
		user.RequiresTOTPMFA = !p.TOTPSecret.IsNull()
	}

	user.RestrictedByAdmin = p.RestrictedByAdmin.Or(user.RestrictedByAdmin)
	user.RestrictedByAdminReason = domain.NilIfEmpty(p.RestrictedByAdminReason.OrPointer(user.RestrictedByAdminReason))
	user.RestrictedByAdminPrivateDetails = domain.NilIfEmpty(p.RestrictedByAdminPrivateDetails.OrPointer(user.RestrictedByAdminPrivateDetails))
	if !user.RestrictedByAdmin {
		user.RestrictedByAdminReason, user.RestrictedByAdminPrivateDetails = nil, nil
	}
}
