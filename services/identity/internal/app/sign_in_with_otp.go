package app

import (
	"context"
	"encoding/json"
	"errors"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain"
)

// SignInWithOTP spends a code from a sign-in mail and opens a session for the
// user of its address (auth.md §6.8). An unknown address becomes a new user, or
// upgrades the signed-in anonymous one. The code is spent even when what
// follows fails.
func (a *App) SignInWithOTP(ctx context.Context, text string) (*SignedIn, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	code, err := a.store.AttemptCode(ctx, req.tenant, CodeOTP, text)
	if err != nil {
		return nil, err
	}
	var asked otpSignIn
	if err := json.Unmarshal(code.Payload, &asked); err != nil {
		return nil, err
	}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error { return tx.ConsumeCode(ctx, code) })
	if err != nil {
		return nil, err
	}
	owner, err := a.otpOwner(ctx, req, asked.Email)
	switch {
	case err != nil:
		return nil, err
	case owner != nil:
		return a.signInByMail(ctx, req, owner)
	case !req.config.Auth.OTP.AllowSignIn:
		return nil, errSignInByMailNotEnabled()
	}
	return a.register(ctx, req, registration{
		method:      signUpByOTP,
		email:       &domain.PrimaryEmail{Value: domain.NormalizeEmail(asked.Email), IsVerified: true, UsedForAuth: true},
		countryCode: asked.CountryCode,
		bot:         botVerdict{noNewUser: asked.NoNewUser},
	})
}

// signInByMail opens a session for a user who read their mail.
func (a *App) signInByMail(ctx context.Context, req request, owner *EmailOwner) (*SignedIn, error) {
	if !owner.User.OTPAuthEnabled {
		if err := a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error { return enableOTP(ctx, tx, owner) }); err != nil {
			return nil, err
		}
	}
	// Whoever read the mail may try passwords again.
	guess := a.userGuess(ctx, req.tenant, GuessPassword, owner.User.ID)
	signedIn, err := a.signIn(ctx, req, arrival{user: owner.User, credential: owner.Credential, guess: &guess})
	if errors.Is(err, errCredentialChanged) {
		return nil, apierr.VerificationCodeAlreadyUsed().WithCause(err)
	}
	return signedIn, err
}
