package grpcapi

import (
	"encoding/base64"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pbpatch"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
)

// userPatchRequest is a PATCH of a user, of whichever.
type userPatchRequest interface {
	GetUser() *identityv1.UserPatch
	GetUpdateMask() *fieldmaskpb.FieldMask
}

// userPatch reads the body of a PATCH of a user.
func userPatch(req userPatchRequest, access principal.Access) (app.UserPatch, error) {
	body := req.GetUser()
	present, err := pbpatch.New(req.GetUpdateMask(), body, access)
	if err != nil {
		return app.UserPatch{}, err
	}
	fields := app.UserPatch{
		DisplayName:             present.Text("display_name", body.GetDisplayName()),
		ProfileImageURL:         present.Text("profile_image_url", body.GetProfileImageUrl()),
		SelectedTeamID:          present.Text("selected_team_id", body.GetSelectedTeamId()),
		PrimaryEmail:            present.Text("primary_email", body.GetPrimaryEmail()),
		PrimaryEmailVerified:    present.Flag("primary_email_verified", body.PrimaryEmailVerified),
		PrimaryEmailAuthEnabled: present.Flag("primary_email_auth_enabled", body.PrimaryEmailAuthEnabled),
		OTPAuthEnabled:          present.Flag("otp_auth_enabled", body.OtpAuthEnabled),
		PasskeyAuthEnabled:      present.Flag("passkey_auth_enabled", body.PasskeyAuthEnabled),
		Password:                patch.Map(present.Text("password", body.GetPassword()), toSecret),
		IsAnonymous:             present.Flag("is_anonymous", body.IsAnonymous),
		RestrictedByAdmin:       present.Flag("restricted_by_admin", body.RestrictedByAdmin),
		RestrictedByAdminReason: present.Text("restricted_by_admin_reason", body.GetRestrictedByAdminReason()),
		RestrictedByAdminPrivateDetails: present.Text("restricted_by_admin_private_details",
			body.GetRestrictedByAdminPrivateDetails()),
		CountryCode: present.Text("country_code", body.GetCountryCode()),
	}
	if present["password_hash"] && body.PasswordHash != nil {
		fields.PasswordHash = patch.Value(secret.Secret(body.GetPasswordHash()))
	}
	if present["risk_scores"] && body.RiskScores != nil {
		fields.RiskScores = patch.Value(riskScores(body.GetRiskScores()))
	}
	if fields.TOTPSecret, err = totpSecret(present.Text("totp_secret_base64", body.GetTotpSecretBase64())); err != nil {
		return app.UserPatch{}, err
	}
	if fields.ClientMetadata, err = present.JSON("client_metadata", body.GetClientMetadata()); err != nil {
		return app.UserPatch{}, err
	}
	if fields.ClientReadOnlyMetadata, err = present.JSON("client_read_only_metadata", body.GetClientReadOnlyMetadata()); err != nil {
		return app.UserPatch{}, err
	}
	if fields.ServerMetadata, err = present.JSON("server_metadata", body.GetServerMetadata()); err != nil {
		return app.UserPatch{}, err
	}
	return fields, nil
}

func toSecret(text string) secret.Secret { return secret.Secret(text) }

// totpSecret decodes the shared key. An empty one would let everybody in.
func totpSecret(text patch.Field[string]) (patch.Field[[]byte], error) {
	encoded, ok := text.Get()
	if !ok {
		return patch.Map(text, func(string) []byte { return nil }), nil
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) == 0 {
		return patch.Field[[]byte]{}, apierr.SchemaError("body.totp_secret_base64: must be valid base64 of at least one byte")
	}
	return patch.Value(key), nil
}
