package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/domain"
)

// PasswordSignUp is what somebody signs up with.
type PasswordSignUp struct {
	// Email is as typed.
	Email    string
	Password secret.Secret
	// VerificationCallbackURL is empty when no mail is wanted.
	VerificationCallbackURL string
	Challenge               BotChallenge
}

// SignUpWithPassword creates a user, or makes the signed-in anonymous one a
// normal user, and opens a session (auth.md §4.1, §6.1). When sessions cannot
// be reached the user exists nevertheless, and may sign in.
func (a *App) SignUpWithPassword(ctx context.Context, in PasswordSignUp) (*SignedIn, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case !req.config.Auth.Password.AllowSignIn:
		return nil, apierr.PasswordAuthenticationNotEnabled()
	case in.VerificationCallbackURL != "" && !req.config.TrustedURL(in.VerificationCallbackURL, false):
		return nil, apierr.RedirectURLNotWhitelisted(in.VerificationCallbackURL)
	case !req.config.Auth.AllowSignUp:
		return nil, apierr.SignUpNotEnabled()
	}
	if err := domain.CheckNewPassword(string(in.Password)); err != nil {
		return nil, err
	}
	bot, err := a.challenge(ctx, in.Challenge, BotActionPasswordSignUp)
	if err != nil {
		return nil, err
	}
	email := domain.NormalizeEmail(in.Email)
	return a.register(ctx, req, registration{
		method:       signUpByPassword,
		email:        &domain.PrimaryEmail{Value: email, UsedForAuth: true},
		password:     &in.Password,
		countryCode:  countryOf(ctx),
		verification: verificationMail{Email: email, Recipient: in.Email, CallbackURL: in.VerificationCallbackURL},
		bot:          bot,
	})
}

// countryOf returns where the request comes from; nil when unknown.
func countryOf(ctx context.Context) *string {
	return domain.NilIfEmpty(new(principal.RequestFromContext(ctx).Country))
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
