package app

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain"
)

// SignInWithMFA completes the sign-in of a user who proved their first factor
// with a code of their authenticator app (auth.md §6.9). A wrong one leaves the
// attempt code usable. An attempt from before a change of the password has
// expired.
func (a *App) SignInWithMFA(ctx context.Context, text, totp string) (*SignedIn, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	code, err := a.store.AttemptCode(ctx, req.tenant, CodeMFAAttempt, text)
	if err != nil {
		return nil, err
	}
	var attempt mfaAttempt
	if err := json.Unmarshal(code.Payload, &attempt); err != nil {
		return nil, err
	}
	factor, err := a.store.SecondFactor(ctx, req.tenant, attempt.UserID)
	switch {
	case err != nil:
		return nil, err
	case factor == nil:
		return nil, apierr.VerificationCodeNotFound()
	case !sameTime(attempt.PasswordChangedAt, factor.Credential.KnownSince()):
		return nil, apierr.VerificationCodeExpired()
	}
	var proof totpProof
	guess := a.userGuess(ctx, req.tenant, GuessTOTP, factor.User.ID)
	err = a.tryGuess(ctx, guess, a.limits.TOTP, func() (err error) {
		proof, err = a.proveTOTP(ctx, code, factor, totp)
		return err
	}, apierr.CodeInvalidTOTPCode)
	if err != nil {
		return nil, err
	}
	signedIn, err := a.signIn(ctx, req, arrival{
		user: factor.User, isNewUser: attempt.IsNewUser, credential: factor.Credential, proof: proof, guess: &guess,
	})
	if errors.Is(err, errCredentialChanged) {
		return nil, apierr.VerificationCodeExpired().WithCause(err)
	}
	return signedIn, err
}

// proveTOTP checks a code of the user's authenticator app and spends it
// together with the attempt code: neither works again. It fails with
// INVALID_TOTP_CODE and spends nothing then.
func (a *App) proveTOTP(ctx context.Context, code *Code, factor *SecondFactor, totp string) (totpProof, error) {
	user := factor.User
	if factor.TOTPSecret == nil {
		return totpProof{}, apierr.InvalidTOTPCode()
	}
	key, err := a.sealer.Open(factor.TOTPSecret, totpPlace(user.Tenant, user.ID)...)
	if err != nil {
		return totpProof{}, err
	}
	step, ok := domain.MatchTOTP(key, totp, a.clock.Now())
	if !ok {
		return totpProof{}, apierr.InvalidTOTPCode()
	}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.ConsumeCode(ctx, code); err != nil {
			return err
		}
		first, err := tx.UseTOTPStep(ctx, user.Tenant, user.ID, step)
		if err == nil && !first {
			return apierr.InvalidTOTPCode()
		}
		return err
	})
	switch {
	case apierr.HasCode(err, apierr.CodeUserNotFound):
		return totpProof{}, apierr.VerificationCodeNotFound().WithCause(err)
	case err != nil:
		return totpProof{}, err
	}
	return totpProof{userID: user.ID}, nil
}

// sameTime compares times of which none may be known.
func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}
