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
)

func TestCache_setAndDropped_remembersAndForgets(t *testing.T) {
	c := cache.New(cache.Options[[2]byte, *int]{MaxEntries: 10})
	one, key := 1, [2]byte{1, 2}
	if value, ok := c.Get(key); ok || value != nil {
		t.Errorf("an empty cache has %v", value)
	}
	c.Set(key, &one)
	if value, ok := c.Get([2]byte{1, 2}); !ok || value != &one {
		t.Errorf("got %v, %t", value, ok)
	}
	if c.Add(key, nil) || !c.Add([2]byte{}, nil) {
		t.Error("a value was added over another one, or not at all")
	}
	if value, ok := c.Get([2]byte{}); !ok || value != nil {
		t.Errorf("nil became %v, %t", value, ok)
	}
	c.Drop(key)
	if _, ok := c.Get(key); ok {
		t.Error("a dropped value is still there")
	}
}

func TestCache_full_staysBounded(t *testing.T) {
	entries := cache.New(cache.Options[int, string]{MaxEntries: 10})
	weighed := cache.New(cache.Options[int, string]{
		MaxWeight: 100, Weigh: func(_ int, value string) uint32 { return uint32(len(value)) },
	})
	for i := range 1000 {
		entries.Set(i, "")
		weighed.Set(i, "0123456789")
	}
	if n := entries.Weight(); n == 0 || n > 10 {
		t.Errorf("%d entries, want 1 to 10", n)
	}
	if n := weighed.Weight(); n == 0 || n > 100 {
		t.Errorf("entries of %d bytes, want 1 to 100", n)
	}
}

func TestNew_noBoundOrTwo_panics(t *testing.T) {
	for _, o := range []cache.Options[int, int]{{}, {MaxEntries: 1, MaxWeight: 1, Weigh: func(int, int) uint32 { return 1 }}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v was taken", o)
				}
			}()
			cache.New(o)
		}()
	}
}

// An entry lives from when it was set, however often it is read.
func TestCache_life_endsByValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(cache.Options[string, time.Duration]{MaxEntries: 10, Life: func(d time.Duration) time.Duration { return d }})
		defer c.Stop()
		c.Set("short", time.Minute)
		c.Set("long", time.Hour)
		for range 3 {
			time.Sleep(25 * time.Second)
			c.Get("short")
		}
		if _, ok := c.Get("short"); ok {
			t.Error("a value outlived its minute")
		}
		if _, ok := c.Get("long"); !ok {
			t.Error("a value did not live its hour")
		}
	})
}

func TestLoad_parallel_asksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(cache.Options[string, int]{MaxEntries: 10})
		var asked atomic.Int32
		answer := make(chan struct{})
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				value, err := c.Load(t.Context(), "key", func(context.Context) (int, error) {
					<-answer
					return int(asked.Add(1)), nil
				})
				if value != 1 || err != nil {
					t.Errorf("got %d, %v", value, err)
				}
			})
		}
		synctest.Wait()
		close(answer)
		wait.Wait()
	})
}

func TestLoad_failed_isNotRemembered(t *testing.T) {
	c := cache.New(cache.Options[string, int]{MaxEntries: 10})
	failure := errors.New("no")
	if _, err := c.Load(t.Context(), "key", func(context.Context) (int, error) { return 1, failure }); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	if value, err := c.Load(t.Context(), "key", func(context.Context) (int, error) { return 2, nil }); value != 2 || err != nil {
		t.Errorf("got %d, %v", value, err)
	}
}

func TestGetOrAdd_parallel_allGetOne(t *testing.T) {
	c := cache.New(cache.Options[string, *int]{MaxEntries: 10})
	var values sync.Map
	var wait sync.WaitGroup
	for range 64 {
		wait.Go(func() { values.Store(c.GetOrAdd("key", func() *int { return new(int) }), true) })
	}
	wait.Wait()
	n := 0
	values.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d values for one key", n)
	}
}

func TestUpdate_parallel_losesNothing(t *testing.T) {
	c := cache.New(cache.Options[string, int]{MaxEntries: 10})
	var wait sync.WaitGroup
	for range 64 {
		wait.Go(func() {
			c.Update("key", func(old int, _ bool) (int, bool) { return old + 1, true })
			c.Update("key", func(int, bool) (int, bool) { return -1, false })
		})
	}
	wait.Wait()
	if got, _ := c.Get("key"); got != 64 {
		t.Errorf("got %d, want 64", got)
	}
	c.Update("other", func(old int, found bool) (int, bool) {
		if found || old != 0 {
			t.Errorf("found %d", old)
		}
		return 1, false
	})
	if _, ok := c.Get("other"); ok {
		t.Error("a refused update was remembered")
	}
}
