package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Ending is a subscription that must end at the payment provider because
// whoever pays for it is gone.
type Ending struct {
	AccountID string
	// SubscriptionID is empty for all subscriptions on the account.
	SubscriptionID string
	// Attempt counts the attempts, this one included.
	Attempt int
}

const (
	// endingsBatch is how many are claimed at a time, and endingLease for how
	// long: longer than the calls for all of them take.
	endingsBatch = 8
	endingLease  = 5 * time.Minute
	// endingsPatience bounds the wait between two attempts.
	endingsPatience = 24 * time.Hour
)

// EndSubscriptions ends at the payment provider what users, teams and projects
// paid for that were deleted. What fails is tried again later, by whichever
// replica is the first; ending a subscription again has no effect.
func (a *App) EndSubscriptions(ctx context.Context) error {
	if !a.stripe.Available() {
		return nil
	}
	var failed error
	for ctx.Err() == nil {
		due, err := a.store.ClaimEndings(ctx, endingsBatch, endingLease)
		if err != nil || len(due) == 0 {
			return errors.Join(failed, err)
		}
		for _, ending := range due {
			if err := a.endAtStripe(ctx, ending); err != nil {
				failed = errors.Join(failed, fmt.Errorf("end subscription %q on account %s: %w", ending.SubscriptionID, ending.AccountID, err))
				err = a.store.PostponeEnding(ctx, ending, endingBackoff(ending.Attempt))
				if err != nil {
					return errors.Join(failed, err)
				}
			}
		}
	}
	return failed
}

// endAtStripe ends one subscription, or all on an account.
func (a *App) endAtStripe(ctx context.Context, ending Ending) error {
	subscriptionIDs := []string{ending.SubscriptionID}
	if ending.SubscriptionID == "" {
		var err error
		if subscriptionIDs, err = a.stripe.LiveSubscriptions(ctx, ending.AccountID); err != nil {
			return err
		}
	}
	for _, subscriptionID := range subscriptionIDs {
		if err := a.stripe.CancelSubscription(ctx, ending.AccountID, subscriptionID); err != nil {
			return err
		}
	}
	return a.store.FinishEnding(ctx, ending)
}

// endingBackoff is the wait before the next attempt: a minute, doubling up to a
// day.
func endingBackoff(attempt int) time.Duration {
	wait := min(30*time.Second<<min(attempt, 12), endingsPatience)
	return wait/2 + rand.N(wait)
}
