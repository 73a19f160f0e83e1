package grpcapi

import (
	"encoding/json"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pbjson"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// userCreation reads the body of a request for a new user, in which null is the
// same as absent.
func userCreation(req *identityv1.CreateUserRequest) (app.UserCreation, error) {
	fields := app.UserPatch{
		DisplayName:                     given(req.GetDisplayName()),
		ProfileImageURL:                 given(req.GetProfileImageUrl()),
		PrimaryEmail:                    given(req.GetPrimaryEmail()),
		PrimaryEmailVerified:            patchOf(req.PrimaryEmailVerified),
		PrimaryEmailAuthEnabled:         patchOf(req.PrimaryEmailAuthEnabled),
		OTPAuthEnabled:                  patchOf(req.OtpAuthEnabled),
		PasskeyAuthEnabled:              patchOf(req.PasskeyAuthEnabled),
		Password:                        patch.Map(given(req.GetPassword()), toSecret),
		PasswordHash:                    patch.Map(patchOf(req.PasswordHash), toSecret),
		IsAnonymous:                     patchOf(req.IsAnonymous),
		RestrictedByAdmin:               patchOf(req.RestrictedByAdmin),
		RestrictedByAdminReason:         given(req.GetRestrictedByAdminReason()),
		RestrictedByAdminPrivateDetails: given(req.GetRestrictedByAdminPrivateDetails()),
		CountryCode:                     given(req.GetCountryCode()),
	}
	if req.RiskScores != nil {
		fields.RiskScores = patch.Value(riskScores(req.GetRiskScores()))
	}
	var err error
	if fields.TOTPSecret, err = totpSecret(given(req.GetTotpSecretBase64())); err != nil {
		return app.UserCreation{}, err
	}
	if fields.ClientMetadata, err = givenJSON(req.GetClientMetadata()); err != nil {
		return app.UserCreation{}, err
	}
	if fields.ClientReadOnlyMetadata, err = givenJSON(req.GetClientReadOnlyMetadata()); err != nil {
		return app.UserCreation{}, err
	}
	if fields.ServerMetadata, err = givenJSON(req.GetServerMetadata()); err != nil {
		return app.UserCreation{}, err
	}
	creation := app.UserCreation{UserPatch: fields}
	for _, account := range req.GetOauthProviders() {
		creation.OAuthAccounts = append(creation.OAuthAccounts, domain.OAuthAccount{
			ProviderConfigID: account.GetId(), AccountID: account.GetAccountId(), Email: given(account.GetEmail()).OrPointer(nil),
		})
	}
	return creation, nil
}

// given reads a string that may be null.
func given(text *wrapperspb.StringValue) patch.Field[string] {
	if text == nil {
		return patch.Field[string]{}
	}
	return patch.Value(text.GetValue())
}

// patchOf reads a field that cannot be null.
func patchOf[T any](value *T) patch.Field[T] {
	if value == nil {
		return patch.Field[T]{}
	}
	return patch.Value(*value)
}

// givenJSON reads free-form JSON that may be null.
func givenJSON(value *structpb.Value) (patch.Field[json.RawMessage], error) {
	text, err := pbjson.Text(value)
	if err != nil || text == nil {
		return patch.Field[json.RawMessage]{}, err
	}
	return patch.Value(text), nil
}

func riskScores(scores *identityv1.RiskScores) domain.RiskScores {
	return domain.RiskScores{Bot: scores.GetSignUp().GetBot(), FreeTrialAbuse: scores.GetSignUp().GetFreeTrialAbuse()}
}
