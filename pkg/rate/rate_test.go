package rate_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule.dev/pkg/rate"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestTake_table_refillsInTime(t *testing.T) {
	var b rate.Bucket
	r := rate.Rate{PerSecond: 2, Burst: 3}
	for _, step := range []struct {
		after time.Duration
		wait  time.Duration
	}{
		{0, 0}, {0, 0}, {0, 0},
		{0, 500 * time.Millisecond},
		{499 * time.Millisecond, time.Millisecond},
		{500 * time.Millisecond, 0},
		{500 * time.Millisecond, 500 * time.Millisecond},
		{time.Hour, 0}, {time.Hour, 0}, {time.Hour, 0},
		{time.Hour, 500 * time.Millisecond}, // no more than Burst were saved up
	} {
		wait, ok := b.Take(noon.Add(step.after), r)
		if wait != step.wait || ok != (step.wait == 0) {
			t.Errorf("after %v: wait %v, %v; want %v", step.after, wait, ok, step.wait)
		}
	}
}

func TestTake_parallel_givesOutBurst(t *testing.T) {
	var b rate.Bucket
	var given atomic.Int64
	var everybody sync.WaitGroup
	for range 64 {
		everybody.Go(func() {
			for range 10 {
				if _, ok := b.Take(noon, rate.PerMinute(600)); ok {
					given.Add(1)
				}
			}
		})
	}
	everybody.Wait()
	if n := given.Load(); n != 100 {
		t.Errorf("%d tokens of 100", n)
	}
}
