package app

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/domain"
)

// GuessKind is what somebody tries to guess.
type GuessKind string

// Kinds of guesses.
const (
	GuessPassword GuessKind = "password"
	GuessTOTP     GuessKind = "totp"
)

// Guess is an attempt to prove to be a user.
type Guess struct {
	Tenant ids.Tenant
	Kind   GuessKind
	// Subject is whose proof is tried; see subjectOf.
	Subject string
	// Source is the fingerprint of where the attempt comes from.
	Source string
}

// GuessLimit bounds wrong guesses. Of one source about one subject there may be
// Burst at once and one more every Period. All sources that the subject never
// signed in from, and each that it did, may fail Consecutive times in a row.
type GuessLimit struct {
	Burst       int
	Period      time.Duration
	Consecutive int
}

// GuessStore counts guesses. They survive restarts and hold for all replicas.
type GuessStore interface {
	// BeginGuess counts the guess as a failure if it may be made, and must then
	// be followed by one of the others. Else it tells when it may be made, or 0
	// when waiting does not help.
	BeginGuess(ctx context.Context, guess Guess, limit GuessLimit) (allowed bool, retryAfter time.Duration, err error)
	// FailGuess says that the guess was wrong.
	FailGuess(ctx context.Context, guess Guess, limit GuessLimit) error
	// SucceedGuess says that it was right: the source is known from now on and
	// the counts begin anew. It needs no BeginGuess.
	SucceedGuess(ctx context.Context, guess Guess) error
	// AbandonGuess says that nobody looked at it.
	AbandonGuess(ctx context.Context, guess Guess) error
	// ForgetOldGuesses deletes what decides nothing any more.
	ForgetOldGuesses(ctx context.Context) error
}

// GuessTx forgets guesses.
type GuessTx interface {
	// ForgetGuesses lets everybody guess about the user anew.
	ForgetGuesses(ctx context.Context, tenant ids.Tenant, userID string) error
}

// guess runs check as one guess; see tryGuess.
func (a *App) guess(ctx context.Context, guess Guess, limit GuessLimit, check func() error, wrong string) error {
	if err := a.tryGuess(ctx, guess, limit, check, wrong); err != nil {
		return err
	}
	return a.store.SucceedGuess(ctx, guess)
}

// tryGuess runs check as one guess. With the error that means wrong, the guess
// was; after any other it was none. When there is no error the caller still has
// to say that it was right. Too many wrong ones are answered with 429 and not
// checked.
func (a *App) tryGuess(ctx context.Context, guess Guess, limit GuessLimit, check func() error, wrong string) error {
	allowed, retryAfter, err := a.store.BeginGuess(ctx, guess, limit)
	switch {
	case err != nil:
		return err
	case !allowed && retryAfter > 0:
		return apierr.TooManyRequests(retryAfter)
	case !allowed:
		return errTooManyFailures()
	}
	err = check()
	switch {
	case err == nil:
	case apierr.HasCode(err, wrong):
		if failed := a.store.FailGuess(ctx, guess, limit); failed != nil {
			return failed
		}
	default:
		if abandoned := a.store.AbandonGuess(ctx, guess); abandoned != nil {
			return abandoned
		}
	}
	return err
}

// passwordGuess is a guess of the password that belongs to an address, whether
// or not somebody signs in with it.
func (a *App) passwordGuess(ctx context.Context, tenant ids.Tenant, owner *EmailOwner, email string) Guess {
	if owner != nil {
		return a.userGuess(ctx, tenant, GuessPassword, owner.User.ID)
	}
	return Guess{
		Tenant: tenant, Kind: GuessPassword, Source: a.sourceOf(ctx),
		Subject: "address/" + a.fingerprint("guess subject", domain.NormalizeEmail(email)),
	}
}

// userGuess is a guess of what a user proves themselves with.
func (a *App) userGuess(ctx context.Context, tenant ids.Tenant, kind GuessKind, userID string) Guess {
	return Guess{Tenant: tenant, Kind: kind, Subject: UserSubject(userID), Source: a.sourceOf(ctx)}
}

// UserSubject names a user as the subject of guesses.
func UserSubject(userID string) string { return "user/" + userID }

// sourceOf is the fingerprint of where a request comes from. A subscriber has
// many addresses of IPv6, of which the first half is the same.
func (a *App) sourceOf(ctx context.Context) string {
	source := principal.RequestFromContext(ctx).ClientIP
	if ip, err := netip.ParseAddr(source); err == nil && ip.Unmap().Is6() {
		if prefix, err := ip.WithZone("").Prefix(64); err == nil {
			source = prefix.String()
		}
	}
	return a.fingerprint("guess source", source)
}

// errTooManyFailures tells somebody who cannot sign in by guessing any more what
// they can do. It has no Retry-After: waiting does not help.
func errTooManyFailures() error {
	return apierr.Text(http.StatusTooManyRequests, "Too many attempts have failed. Reset the password, or sign in by e-mail, to go on.")
}
