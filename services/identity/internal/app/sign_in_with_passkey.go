package app

import (
	"context"
	"encoding/json"
	"errors"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain/passkey"
)

// SignInWithPasskey opens a session for whoever has the passkey that signed the
// challenge (auth.md §11). The code is spent even when what follows fails, with
// PASSKEY_AUTHENTICATION_FAILED for everything that is wrong about the answer of
// the authenticator.
func (a *App) SignInWithPasskey(ctx context.Context, text string, response json.RawMessage) (*SignedIn, error) {
	req, err := a.passkeyRequest(ctx)
	if err != nil {
		return nil, err
	}
	code, challenge, err := a.passkeyCode(ctx, req, CodePasskeyAuthentication, text)
	if err != nil {
		return nil, err
	}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error { return tx.ConsumeCode(ctx, code) })
	if err != nil {
		return nil, err
	}
	owner, err := a.verifyAssertion(ctx, req, challenge.Challenge, response)
	if err != nil {
		return nil, err
	}
	signedIn, err := a.signIn(ctx, req, arrival{user: owner.User, credential: owner.Credential})
	if errors.Is(err, errCredentialChanged) {
		return nil, apierr.PasskeyAuthenticationFailed("The user's credentials changed meanwhile.").WithCause(err)
	}
	return signedIn, err
}

// verifyAssertion finds the passkey that signed the challenge and counts its use.
func (a *App) verifyAssertion(ctx context.Context, req request, challenge string, response json.RawMessage) (*PasskeyOwner, error) {
	assertion, err := passkey.ParseAssertion(response)
	if err != nil {
		return nil, apierr.PasskeyAuthenticationFailed("The answer of the authenticator cannot be read.").WithCause(err)
	}
	owner, err := a.store.PasskeyOwner(ctx, req.tenant, assertion.CredentialID)
	switch {
	case err != nil:
		return nil, err
	case owner == nil:
		return nil, apierr.PasskeyAuthenticationFailed("The passkey is not known here.")
	case !req.config.TrustedURL(assertion.Origin(), false):
		return nil, apierr.PasskeyAuthenticationFailed("The page is not on a trusted domain of the project.")
	}
	signCount, err := assertion.Verify(challenge, owner.PublicKey)
	if err != nil {
		return nil, apierr.PasskeyAuthenticationFailed("The answer of the authenticator could not be verified.").WithCause(err)
	}
	var used bool
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		used, err = tx.UsePasskey(ctx, req.tenant, owner.User.ID, assertion.CredentialID, signCount)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !used {
		return nil, apierr.PasskeyAuthenticationFailed("The passkey was removed, or has been copied.")
	}
	return owner, nil
}
