package postgres

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/throttle"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// forgetBatch bounds one deletion, so that it never runs for long.
const forgetBatch = 5000

// BeginGuess implements app.GuessStore.
func (s *Store) BeginGuess(ctx context.Context, guess app.Guess, limit app.GuessLimit) (allowed bool, retryAfter time.Duration, err error) {
	tolerance := time.Duration(limit.Burst-1) * limit.Period
	row, err := s.queries(ctx).BeginGuess(ctx, db.BeginGuessParams{
		ProjectID: guess.Tenant.ProjectID, BranchID: guess.Tenant.BranchID,
		Kind: string(guess.Kind), Subject: guess.Subject, Source: guess.Source,
		ToleranceMicros: tolerance.Microseconds(), Most: int32(limit.Consecutive),
	})
	return row.Allowed, time.Duration(row.RetryAfterMicros) * time.Microsecond, err
}

// FailGuess implements app.GuessStore.
func (s *Store) FailGuess(ctx context.Context, guess app.Guess, limit app.GuessLimit) error {
	return s.queries(ctx).FailGuess(ctx, db.FailGuessParams{
		ProjectID: guess.Tenant.ProjectID, BranchID: guess.Tenant.BranchID,
		Kind: string(guess.Kind), Subject: guess.Subject, Source: guess.Source, PeriodMicros: limit.Period.Microseconds(),
	})
}

// SucceedGuess implements app.GuessStore.
func (s *Store) SucceedGuess(ctx context.Context, guess app.Guess) error {
	return s.queries(ctx).SucceedGuess(ctx, db.SucceedGuessParams{
		ProjectID: guess.Tenant.ProjectID, BranchID: guess.Tenant.BranchID,
		Kind: string(guess.Kind), Subject: guess.Subject, Source: guess.Source,
	})
}

// AbandonGuess implements app.GuessStore.
func (s *Store) AbandonGuess(ctx context.Context, guess app.Guess) error {
	return s.queries(ctx).AbandonGuess(ctx, db.AbandonGuessParams{
		ProjectID: guess.Tenant.ProjectID, BranchID: guess.Tenant.BranchID,
		Kind: string(guess.Kind), Subject: guess.Subject, Source: guess.Source,
	})
}

// ForgetOldGuesses implements app.GuessStore.
func (s *Store) ForgetOldGuesses(ctx context.Context) error {
	for {
		rows, err := s.queries(ctx).ForgetOldGuesses(ctx, forgetBatch)
		if err != nil || rows < forgetBatch {
			return err
		}
	}
}

func (t *tx) ForgetGuesses(ctx context.Context, tenant ids.Tenant, userID string) error {
	return t.queries.ForgetGuesses(ctx, db.ForgetGuessesParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Subject: app.UserSubject(userID),
	})
}

// TakeToken implements app.RateStore.
func (s *Store) TakeToken(ctx context.Context, key string, rate app.Rate) (bool, error) {
	ok, _, err := throttle.Allow(ctx, s.db, key, throttle.Limit{Burst: rate.Burst, Period: rate.Period})
	return ok, err
}
