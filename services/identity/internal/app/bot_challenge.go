package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
)

// BotChallenge is what a page says about the challenge it gave to whoever is in
// front of it (auth.md §4.4).
type BotChallenge struct {
	// Token is empty when there is none.
	Token string
	Phase BotChallengePhase
	// Unavailable says that the challenge could not be shown.
	Unavailable bool
}

// BotChallengePhase says what the page does with a challenge that is not passed.
type BotChallengePhase string

// Phases of a challenge; without one its outcome decides nothing.
const (
	BotChallengeInvisible BotChallengePhase = "invisible"
	BotChallengeVisible   BotChallengePhase = "visible"
)

// BotAction is what a challenge was given for.
type BotAction string

// Actions that challenges are given for.
const (
	BotActionPasswordSignUp BotAction = "sign_up_with_credential"
	BotActionOTPSend        BotAction = "send_magic_link_email"
	BotActionOAuth          BotAction = "oauth_authenticate"
)

// BotVerifier checks the tokens of passed challenges.
type BotVerifier interface {
	// Passed reports whether the token is of a challenge that was passed for the
	// action. It fails when that cannot be found out.
	Passed(ctx context.Context, token, clientIP string, action BotAction) (bool, error)
}

// BotPolicy says what becomes of those who do not pass.
type BotPolicy struct {
	// AllowUnavailable lets people sign up whose page could not show the
	// challenge.
	AllowUnavailable bool
	// AllowFailed lets people go on who did not pass the visible challenge.
	AllowFailed bool
}

// botVerdict is what is known about whoever asks.
type botVerdict struct {
	// noNewUser says that they may sign in but not become a user.
	noNewUser bool
}

// challenge applies the outcome of a challenge. It fails with
// BOT_CHALLENGE_REQUIRED for somebody who should be given a visible one, and
// with BOT_CHALLENGE_FAILED for who did not pass that. Without a verifier
// everybody passes. Call it outside a transaction.
func (a *App) challenge(ctx context.Context, given BotChallenge, action BotAction) (botVerdict, error) {
	switch {
	case a.bots == nil:
		return botVerdict{}, nil
	case given.Unavailable:
		return botVerdict{noNewUser: !a.botPolicy.AllowUnavailable}, nil
	}
	passed := false
	if given.Token != "" {
		var err error
		passed, err = a.bots.Passed(ctx, given.Token, principal.RequestFromContext(ctx).ClientIP, action)
		if ctx.Err() != nil {
			return botVerdict{}, ctx.Err()
		}
		if err != nil {
			// As good as not passed: the page may try a visible challenge.
			a.logger.WarnContext(ctx, "a bot challenge cannot be verified", "error", err)
		}
	}
	switch {
	case passed:
	case given.Phase == BotChallengeInvisible:
		return botVerdict{}, apierr.BotChallengeRequired()
	case given.Phase == BotChallengeVisible && !a.botPolicy.AllowFailed:
		return botVerdict{}, apierr.BotChallengeFailed("")
	}
	return botVerdict{}, nil
}

// newUser fails with BOT_CHALLENGE_FAILED for somebody who may not become one.
func (v botVerdict) newUser() error {
	if v.noNewUser {
		return apierr.BotChallengeFailed("")
	}
	return nil
}
