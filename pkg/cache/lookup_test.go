package cache_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vestibule.dev/pkg/cache"
	"vestibule.dev/pkg/clock"
)

// oracle answers with how often it was asked.
type oracle struct {
	asked atomic.Int64
	// ask is what happens meanwhile.
	ask func(ctx context.Context) error
}

func (o *oracle) lookup(c clock.Clock) *cache.Lookup[int64] {
	return cache.NewLookup(cache.LookupOptions[int64]{
		Ask: func(ctx context.Context, key string) (*int64, error) {
			n := o.asked.Add(1)
			if o.ask != nil {
				return &n, o.ask(ctx)
			}
			if key == "nothing" {
				return nil, nil
			}
			return &n, nil
		},
		Timeout: time.Second, Life: time.Minute, MaxEntries: 10, Clock: c,
	})
}

func want(t *testing.T, l *cache.Lookup[int64], n int64) {
	t.Helper()
	if got, err := l.Get(t.Context(), "key"); err != nil || got == nil || *got != n {
		t.Errorf("got %v, %v; want %d", got, err, n)
	}
}

func TestLookup_answer_livesAsLongAsSaid(t *testing.T) {
	now := clock.NewFake(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	l := new(oracle).lookup(now)
	want(t, l, 1)
	now.Advance(time.Minute - 1)
	want(t, l, 1)
	now.Advance(1)
	want(t, l, 2)
	l.Drop("key")
	want(t, l, 3)
}

// What does not exist yet may do so in a moment.
func TestLookup_nothing_isBelievedForLessLong(t *testing.T) {
	now := clock.NewFake(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	o := new(oracle)
	l := o.lookup(now)
	for i, after := range []time.Duration{0, 2*time.Second - 1, 1} {
		now.Advance(after)
		if got, err := l.Get(t.Context(), "nothing"); got != nil || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
		if asked, want := o.asked.Load(), []int64{1, 1, 2}[i]; asked != want {
			t.Errorf("%v later: asked %d times, want %d", after, asked, want)
		}
	}
}

func TestLookup_parallel_asksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answered := make(chan struct{})
		l := (&oracle{ask: func(context.Context) error { <-answered; return nil }}).lookup(clock.System())
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() { want(t, l, 1) })
		}
		synctest.Wait()
		close(answered)
		wait.Wait()
	})
}

// What was asked before a change is no answer to what is asked after it, and is
// not remembered when it comes late.
func TestLookup_droppedMeanwhile_asksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan struct{})
		o := &oracle{}
		o.ask = func(context.Context) error {
			if o.asked.Load() == 1 {
				<-late
			}
			return nil
		}
		l := o.lookup(clock.System())
		var wait sync.WaitGroup
		wait.Go(func() { want(t, l, 1) })
		synctest.Wait()
		l.Drop("key")
		want(t, l, 2)
		close(late)
		wait.Wait()
		want(t, l, 2)
	})
}

func TestLookup_failure_isNotRemembered(t *testing.T) {
	failure := errors.New("no")
	o := &oracle{ask: func(context.Context) error { return failure }}
	l := o.lookup(clock.System())
	if _, err := l.Get(t.Context(), "key"); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	o.ask = nil
	want(t, l, 2)
}

// Whoever asks first may go away; whoever is asked may not take for ever.
func TestLookup_contexts_ofQuestionsAreTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := (&oracle{ask: func(ctx context.Context) error { return ctx.Err() }}).lookup(clock.System())
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if n, err := l.Get(gone, "key"); err != nil || *n != 1 {
			t.Errorf("got %v, %v", n, err)
		}
		slow := (&oracle{ask: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}).lookup(clock.System())
		if _, err := slow.Get(t.Context(), "key"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}
