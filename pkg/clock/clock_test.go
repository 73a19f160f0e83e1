package clock_test

import (
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/clock"
)

func TestSystem_now_isUTCAndMoves(t *testing.T) {
	before := time.Now()
	now := clock.System().Now()
	if now.Before(before) || now.After(time.Now()) {
		t.Errorf("%v is not the current time", now)
	}
	if now.Location() != time.UTC {
		t.Errorf("location %v, want UTC", now.Location())
	}
}

func TestFake_told_moves(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	var f clock.Clock = clock.NewFake(start)
	fake := f.(*clock.Fake)
	if !f.Now().Equal(start) || f.Now().Location() != time.UTC {
		t.Errorf("starts at %v", f.Now())
	}
	fake.Advance(90 * time.Second)
	fake.Advance(-30 * time.Second)
	if got := f.Now().Sub(start); got != time.Minute {
		t.Errorf("moved by %v", got)
	}
	fake.Set(start.Add(time.Hour))
	if got := f.Now().Sub(start); got != time.Hour {
		t.Errorf("set to start%+v", got)
	}
}

func TestFake_concurrentAdvances_addUp(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f := clock.NewFake(start)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { f.Advance(time.Second); f.Now() })
	}
	wg.Wait()
	if got := f.Now().Sub(start); got != 50*time.Second {
		t.Errorf("moved by %v", got)
	}
}
