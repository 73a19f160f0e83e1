package secret

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vestibule.dev/pkg/apierr"
)

func TestGate_flood_runsFewQueuesSomeRefusesRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const concurrency, queue, callers = 2, 64, 200
		g := newGate(concurrency, queue)
		var running, peak, served, refused atomic.Int64
		for range callers {
			go func() {
				if err := g.enter(t.Context()); err != nil {
					if !errors.Is(err, apierr.Unavailable(0)) {
						t.Errorf("refused with %v", err)
					}
					refused.Add(1)
					return
				}
				defer g.leave()
				n := running.Add(1)
				for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
				}
				time.Sleep(30 * time.Millisecond) // the bubble's clock, not a real wait
				running.Add(-1)
				served.Add(1)
			}()
		}
		synctest.Wait()
		if got := refused.Load(); got != callers-concurrency-queue {
			t.Errorf("refused %d at once, want %d", got, callers-concurrency-queue)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if peak.Load() != concurrency || served.Load() != concurrency+queue {
			t.Errorf("peak %d, served %d", peak.Load(), served.Load())
		}
		if g.waiting.Load() != 0 || len(g.slots) != 0 {
			t.Errorf("left over: %d waiting, %d slots", g.waiting.Load(), len(g.slots))
		}
	})
}

func TestGate_contextEndsInQueue_givesPlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 1)
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := g.enter(ctx)
		if !errors.Is(err, apierr.Unavailable(0)) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		entered := make(chan error)
		go func() { entered <- g.enter(t.Context()) }()
		synctest.Wait()
		g.leave()
		if err := <-entered; err != nil {
			t.Errorf("the place was not given back: %v", err)
		}
	})
}

func TestGate_contextEnded_doesNotEnter(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g := newGate(1, 1)
	if err := g.enter(ctx); !errors.Is(err, context.Canceled) || !errors.Is(err, apierr.Unavailable(0)) {
		t.Errorf("got %v", err)
	}
}

func TestHasher_full_refusesWorkAndStillJudgesHostileHashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHasher(HasherConfig{Concurrency: 1, Queue: 1})
		if err := h.gate.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = h.gate.enter(ctx) }()
		synctest.Wait()

		if _, err := h.Hash(t.Context(), "p"); !errors.Is(err, apierr.Unavailable(0)) {
			t.Errorf("Hash: %v", err)
		}
		if err := h.VerifyDummy(t.Context(), "p"); !errors.Is(err, apierr.Unavailable(0)) {
			t.Errorf("VerifyDummy: %v", err)
		}
		for _, hash := range []string{
			"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
			"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		} {
			if v, err := h.Verify(t.Context(), hash, "p"); !errors.Is(err, apierr.Unavailable(0)) || v.Match {
				t.Errorf("Verify: %v", err)
			}
		}
		// Nobody waits for the verdict on a hash that is refused anyway.
		for _, hash := range []string{
			"$argon2id$v=19$m=4294967295,t=4294967295,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
			"$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		} {
			if _, err := h.Verify(t.Context(), hash, "p"); !errors.Is(err, ErrUnsupportedHash) {
				t.Errorf("Verify: %v", err)
			}
		}
	})
}

func TestReclaimer_restAfterBurst_freesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var freed int
		r := &reclaimer{rest: time.Second, free: func() { freed++ }}
		for range 5 {
			r.begin()
			r.begin()
			r.end()
			r.end()
			time.Sleep(999 * time.Millisecond)
		}
		if synctest.Wait(); freed != 0 {
			t.Errorf("freed %d times during the burst", freed)
		}
		r.begin()
		time.Sleep(time.Minute)
		if synctest.Wait(); freed != 0 {
			t.Errorf("freed %d times during work", freed)
		}
		r.end()
		time.Sleep(time.Minute)
		if synctest.Wait(); freed != 1 {
			t.Errorf("freed %d times after the burst", freed)
		}
	})
}

func TestParams_printed_parseBack(t *testing.T) {
	p := newParams()
	p.salt, p.key = make([]byte, newSalt), make([]byte, newKey)
	got, ok := parseArgon2(p.String())
	if !ok || !got.current() || got.String() != p.String() {
		t.Errorf("got %+v %v", got, ok)
	}
}
