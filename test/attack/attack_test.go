package main

import (
	"context"
	"testing"
	"time"
)

// The attacks themselves, with fewer rounds: what they count is a promise, and
// what they time is for the report alone.
func TestAttacks_countedPromises_hold(t *testing.T) {
	if err := run(t.Context(), func(a *arena) error {
		for name, attack := range map[string]func(ctx context.Context, t *testing.T, a *arena){
			"sign-ups":    testSignUps,
			"refreshes":   testRefreshes,
			"guesses":     testGuesses,
			"enumeration": testEnumeration,
		} {
			t.Run(name, func(t *testing.T) { attack(t.Context(), t, a) })
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// R14. Of everybody who signs up with one address at once, however they write
// it, by whatever way and gateway, there is one user, and nobody is told
// anything that the contract does not have.
func testSignUps(ctx context.Context, t *testing.T, a *arena) {
	seen, err := a.signUpRounds(ctx, 3)
	if err != nil {
		t.Errorf("%v\n%s", err, seen)
	}
}

// R12.
func testRefreshes(ctx context.Context, t *testing.T, a *arena) {
	seen, err := a.refreshRounds(ctx, 4)
	if err != nil {
		t.Errorf("%v\n%s", err, seen)
	}
}

// R42. A killed process forgets no guess.
func testGuesses(ctx context.Context, t *testing.T, a *arena) {
	seen, err := a.guessRound(ctx, 600)
	if err != nil {
		t.Errorf("%v\n%s", err, seen)
	}
	if err := a.guessCodes(ctx); err != nil {
		t.Error(err)
	}
	if seen, err := a.guessAuthenticator(ctx, 300); err != nil {
		t.Errorf("%v\n%s", err, seen)
	}
	if seen, err := a.guessKeys(ctx, 600); err != nil {
		t.Errorf("%v\n%s", err, seen)
	}
}

// R43. Where the contract answers alike, it is alike to the letter.
func testEnumeration(ctx context.Context, t *testing.T, a *arena) {
	people, err := a.populate(ctx, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range flows {
		seen, err := a.observe(ctx, people, f, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.compare(seen); err != nil {
			t.Error(err)
		}
		if f.name == "sign-up" {
			// Who was absent is not any more.
			if people, err = a.populate(ctx, 2); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestAUC_samples_areCompared(t *testing.T) {
	of := func(values ...time.Duration) []time.Duration { return values }
	for _, tt := range []struct {
		a, b []time.Duration
		want float64
	}{
		{of(1, 2), of(3, 4), 1},
		{of(3, 4), of(1, 2), 1},
		{of(1, 2), of(1, 2), 0.5},
		{of(1, 3), of(2, 4), 0.75},
	} {
		if got := auc(tt.a, tt.b); got != tt.want {
			t.Errorf("auc(%v, %v) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}
