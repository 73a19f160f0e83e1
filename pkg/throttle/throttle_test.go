package throttle_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/throttle"
)

func allow(t *testing.T, db *pg.DB, key string, limit throttle.Limit) (ok bool, retryAfter time.Duration) {
	t.Helper()
	ok, retryAfter, err := throttle.Allow(t.Context(), db, key, limit)
	if err != nil {
		t.Fatal(err)
	}
	return ok, retryAfter
}

// pass lets time pass for all keys.
func pass(t testing.TB, db *pg.DB, d time.Duration) {
	t.Helper()
	if _, err := db.Querier(t.Context()).Exec(t.Context(), "UPDATE throttles SET full_at = full_at - $1::interval", d); err != nil {
		t.Fatal(err)
	}
}

func TestAllow_burstUsed_refusesUntilPeriodPassed(t *testing.T) {
	db := pgtest.New(t, throttle.Migrations())
	limit := throttle.Limit{Burst: 3, Period: time.Hour}
	for i := range 3 {
		if ok, retryAfter := allow(t, db, "a", limit); !ok || retryAfter != 0 {
			t.Fatalf("use %d: %v, %s", i, ok, retryAfter)
		}
	}
	for range 3 {
		if ok, retryAfter := allow(t, db, "a", limit); ok || retryAfter <= 0 || retryAfter > time.Hour {
			t.Fatalf("beyond the burst: %v, retry after %s", ok, retryAfter)
		}
	}
	if ok, _ := allow(t, db, "b", limit); !ok {
		t.Error("another key is refused")
	}
	pass(t, db, time.Hour)
	if ok, _ := allow(t, db, "a", limit); !ok {
		t.Error("refused after the period")
	}
	if ok, _ := allow(t, db, "a", limit); ok {
		t.Error("a period gave more than one token")
	}
	pass(t, db, 1000*time.Hour)
	for i := range 4 {
		if ok, _ := allow(t, db, "a", limit); ok != (i < 3) {
			t.Errorf("after a long time, use %d: %v", i, ok)
		}
	}
}

func TestAllow_refused_retryAfterIsExact(t *testing.T) {
	db := pgtest.New(t, throttle.Migrations())
	limit := throttle.Limit{Burst: 2, Period: time.Hour}
	allow(t, db, "a", limit)
	allow(t, db, "a", limit)
	_, retryAfter := allow(t, db, "a", limit)
	pass(t, db, retryAfter-time.Minute)
	if ok, _ := allow(t, db, "a", limit); ok {
		t.Error("allowed a minute too early")
	}
	pass(t, db, time.Minute)
	if ok, _ := allow(t, db, "a", limit); !ok {
		t.Error("refused when told to come back")
	}
}

// R42: a new process on the same database knows what the old one allowed.
func TestAllow_restart_countersSurvive(t *testing.T) {
	url := pgtest.URL(t, throttle.Migrations())
	limit := throttle.Limit{Burst: 1, Period: time.Hour}
	if ok, _ := allow(t, pgtest.Open(t, url, 1), "a", limit); !ok {
		t.Fatal("refused at first")
	}
	if ok, _ := allow(t, pgtest.Open(t, url, 1), "a", limit); ok {
		t.Error("allowed after a restart")
	}
}

func TestAllow_parallelOverTwoReplicas_allowsTheBurst(t *testing.T) {
	url := pgtest.URL(t, throttle.Migrations())
	replicas := []*pg.DB{pgtest.Open(t, url, 16), pgtest.Open(t, url, 16)}
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		var allowed atomic.Int64
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				ok, _, err := throttle.Allow(t.Context(), replicas[i%2], key, throttle.Limit{Burst: 10, Period: time.Hour})
				if err != nil {
					t.Error(err)
				}
				if ok {
					allowed.Add(1)
				}
			})
		}
		wg.Wait()
		if allowed.Load() != 10 {
			t.Errorf("%d of 64 allowed, want 10", allowed.Load())
		}
	}
}

// The rows behave like a bucket that holds Burst and gains one each Period.
func TestAllow_generatedUse_equalsTokenBucket(t *testing.T) {
	db := pgtest.New(t, throttle.Migrations())
	rapid.Check(t, func(r *rapid.T) {
		if err := throttle.Reset(t.Context(), db, "a"); err != nil {
			t.Fatal(err)
		}
		limit := throttle.Limit{Burst: rapid.IntRange(1, 5).Draw(r, "burst"), Period: time.Hour}
		// In halves of a period, so that the time the test takes itself never
		// completes one.
		tokens := 2 * limit.Burst
		for range 20 {
			if halves := rapid.IntRange(-3, 4).Draw(r, "halves"); halves > 0 {
				pass(t, db, time.Duration(halves)*limit.Period/2)
				tokens = min(tokens+halves, 2*limit.Burst)
			}
			ok, _, err := throttle.Allow(t.Context(), db, "a", limit)
			if err != nil {
				t.Fatal(err)
			}
			if want := tokens >= 2; ok != want {
				r.Fatalf("allowed %v with %d halves of a token", ok, tokens)
			}
			if ok {
				tokens -= 2
			}
		}
	})
}

func TestAllow_everyOutcome_costsOneStatement(t *testing.T) {
	db := pgtest.New(t, throttle.Migrations())
	for range 3 {
		ctx, statements := pg.CountQueries(t.Context())
		if _, _, err := throttle.Allow(ctx, db, "a", throttle.Limit{Burst: 2, Period: time.Hour}); err != nil {
			t.Fatal(err)
		}
		if n := statements.Load(); n != 1 {
			t.Errorf("%d statements, want 1", n)
		}
	}
}

func TestAllow_senselessLimit_isRefused(t *testing.T) {
	db := pgtest.New(t, throttle.Migrations())
	for _, limit := range []throttle.Limit{{}, {Burst: 1}, {Period: time.Second}, {Burst: -1, Period: time.Second}} {
		if ok, _, err := throttle.Allow(t.Context(), db, "a", limit); ok || err == nil {
			t.Errorf("%+v: %v, %v", limit, ok, err)
		}
	}
}

func TestReset_exhausted_allowsAgain(t *testing.T) {
	db := pgtest.New(t, throttle.Migrations())
	limit := throttle.Limit{Burst: 1, Period: time.Hour}
	allow(t, db, "a", limit)
	if err := throttle.Reset(t.Context(), db, "a"); err != nil {
		t.Fatal(err)
	}
	if ok, _ := allow(t, db, "a", limit); !ok {
		t.Error("refused after a reset")
	}
}

func TestForgetFull_rows_changesNoAnswer(t *testing.T) {
	db := pgtest.New(t, throttle.Migrations())
	limit := throttle.Limit{Burst: 1, Period: time.Hour}
	allow(t, db, "full", limit)
	pass(t, db, time.Hour)
	allow(t, db, "empty", limit)
	if err := throttle.ForgetFull(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	var keys string
	if err := db.Querier(t.Context()).QueryRow(t.Context(), "SELECT string_agg(key, ' ') FROM throttles").Scan(&keys); err != nil || keys != "empty" {
		t.Errorf("rows left: %q, %v", keys, err)
	}
	if ok, _ := allow(t, db, "empty", limit); ok {
		t.Error("an exhausted key is allowed")
	}
}
