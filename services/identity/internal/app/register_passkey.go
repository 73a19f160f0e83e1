package app

import (
	"context"
	"encoding/json"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain/passkey"
)

// PasskeyRegistered says that a user registered a passkey, in the place of the
// one they had, if any.
type PasskeyRegistered struct {
	Tenant ids.Tenant
	UserID string
}

func (PasskeyRegistered) isEvent() {}

// RegisterPasskey makes the credential that an authenticator attests the passkey
// of the signed-in user, in the place of the one they had (auth.md §11), and
// returns its id in base64url. The code is spent even when what follows fails
// with PASSKEY_REGISTRATION_FAILED. The code of another user is not found.
func (a *App) RegisterPasskey(ctx context.Context, text string, response json.RawMessage) (credentialID string, err error) {
	req, err := a.passkeyRequest(ctx)
	if err != nil {
		return "", err
	}
	code, challenge, err := a.passkeyCode(ctx, req, CodePasskeyRegistration, text)
	switch {
	case err != nil:
		return "", err
	case !req.SignedIn():
		return "", apierr.UserAuthenticationRequired()
	case challenge.UserID != req.UserID:
		return "", apierr.VerificationCodeNotFound()
	}
	credential, refusal := verifyRegistration(req, challenge.Challenge, response)
	var put bool
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.ConsumeCode(ctx, code); err != nil || refusal != nil {
			return err
		}
		if put, err = tx.PutPasskey(ctx, req.tenant, req.UserID, credential); err != nil || !put {
			return err
		}
		return tx.Emit(ctx, PasskeyRegistered{Tenant: req.tenant, UserID: req.UserID})
	})
	switch {
	case apierr.HasCode(err, apierr.CodeUserNotFound):
		return "", apierr.UserAuthenticationRequired().WithCause(err)
	case err != nil:
		return "", err
	case refusal != nil:
		return "", refusal
	case !put:
		return "", apierr.PasskeyRegistrationFailed("The passkey belongs to somebody else.")
	}
	return credential.ID, nil
}

func verifyRegistration(req request, challenge string, response json.RawMessage) (*passkey.Credential, error) {
	registration, err := passkey.ParseRegistration(response)
	if err != nil {
		return nil, apierr.PasskeyRegistrationFailed("The answer of the authenticator cannot be read.").WithCause(err)
	}
	if !req.config.TrustedURL(registration.Origin(), false) {
		return nil, apierr.PasskeyRegistrationFailed("The page is not on a trusted domain of the project.")
	}
	credential, err := registration.Verify(challenge)
	if err != nil {
		return nil, apierr.PasskeyRegistrationFailed("The answer of the authenticator could not be verified.").WithCause(err)
	}
	return credential, nil
}
