package projectconfig

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/ids"
)

var tenant = ids.Tenant{ProjectID: "6ba7b810-9dad-41d1-80b4-00c04fd430c8", BranchID: "main"}

// source is an identity service in miniature.
type source struct {
	version atomic.Int64
	loads   atomic.Int64
	err     atomic.Pointer[error]
}

func (s *source) load(_ context.Context, t ids.Tenant, _ int64) (*Config, error) {
	s.loads.Add(1)
	if err := s.err.Load(); err != nil {
		return nil, *err
	}
	return &Config{Tenant: t, Version: s.version.Load()}, nil
}

func newSource(version int64) *source {
	s := &source{}
	s.version.Store(version)
	return s
}

func TestCacheGet_sameVersionAgain_loadsOnce(t *testing.T) {
	s := newSource(3)
	c := NewCache(s.load, CacheConfig{})
	for _, minVersion := range []int64{3, 3, 1, 0, 2} {
		got, err := c.Get(t.Context(), tenant, minVersion)
		if err != nil || got.Version != 3 {
			t.Fatalf("asked for %d, got %+v, %v", minVersion, got, err)
		}
	}
	if n := s.loads.Load(); n != 1 {
		t.Errorf("loaded %d times", n)
	}
}

func TestCacheGet_newerVersionAsked_loadsAgain(t *testing.T) {
	s := newSource(1)
	c := NewCache(s.load, CacheConfig{})
	for version := int64(1); version <= 5; version++ {
		s.version.Store(version)
		got, err := c.Get(t.Context(), tenant, version)
		if err != nil || got.Version != version {
			t.Fatalf("asked for %d, got %+v, %v", version, got, err)
		}
	}
}

func TestCacheGet_otherTenant_isKeptApart(t *testing.T) {
	s := newSource(1)
	c := NewCache(s.load, CacheConfig{})
	for _, other := range []ids.Tenant{tenant, {ProjectID: tenant.ProjectID, BranchID: "dev"}, {ProjectID: "internal", BranchID: "main"}} {
		got, err := c.Get(t.Context(), other, 1)
		if err != nil || got.Tenant != other {
			t.Errorf("asked for %+v, got %+v, %v", other, got, err)
		}
	}
	if n := s.loads.Load(); n != 3 {
		t.Errorf("loaded %d times", n)
	}
}

func TestCacheGet_loaderBringsOlder_isUnavailable(t *testing.T) {
	s := newSource(1)
	c := NewCache(s.load, CacheConfig{})
	if got, err := c.Get(t.Context(), tenant, 2); !errors.Is(err, apierr.Unavailable(0)) {
		t.Errorf("got %+v, %v", got, err)
	}
	s.version.Store(2)
	if got, err := c.Get(t.Context(), tenant, 2); err != nil || got.Version != 2 {
		t.Errorf("afterwards %+v, %v", got, err)
	}
}

func TestCacheGet_loaderFails_errorIsPassedOnAndNotKept(t *testing.T) {
	s := newSource(1)
	var failure error = apierr.CurrentProjectNotFound(tenant.ProjectID)
	s.err.Store(&failure)
	c := NewCache(s.load, CacheConfig{})
	if _, err := c.Get(t.Context(), tenant, 1); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	s.err.Store(nil)
	if _, err := c.Get(t.Context(), tenant, 1); err != nil {
		t.Errorf("afterwards %v", err)
	}
}

func TestCacheGet_noVersionNamed_reloadsAfterMaxAge(t *testing.T) {
	s := newSource(1)
	now := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	c := NewCache(s.load, CacheConfig{MaxAge: 10 * time.Second, Clock: now})
	get := func(want int64) {
		t.Helper()
		if got, err := c.Get(t.Context(), tenant, 0); err != nil || got.Version != want {
			t.Errorf("got %+v, %v, want version %d", got, err, want)
		}
	}
	get(1)
	s.version.Store(2)
	now.Advance(9 * time.Second)
	get(1)
	now.Advance(time.Second)
	get(2)
	if n := s.loads.Load(); n != 2 {
		t.Errorf("loaded %d times", n)
	}
}

func TestCacheGet_concurrentMisses_shareOneLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(1)
		open := make(chan struct{})
		c := NewCache(func(ctx context.Context, tenant ids.Tenant, v int64) (*Config, error) {
			<-open
			return s.load(ctx, tenant, v)
		}, CacheConfig{})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got, err := c.Get(t.Context(), tenant, 1); err != nil || got.Version != 1 {
					t.Errorf("got %+v, %v", got, err)
				}
			})
		}
		synctest.Wait()
		close(open)
		wg.Wait()
		if n := s.loads.Load(); n != 1 {
			t.Errorf("loaded %d times", n)
		}
	})
}

// A load for an older version must neither answer a caller who needs a newer
// one nor displace what that caller brought in.
func TestCacheGet_slowOldLoad_doesNotHideNewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		c := NewCache(func(_ context.Context, tenant ids.Tenant, v int64) (*Config, error) {
			if v == 1 {
				<-open
			}
			return &Config{Tenant: tenant, Version: v}, nil
		}, CacheConfig{})
		slow := make(chan *Config)
		go func() {
			got, err := c.Get(t.Context(), tenant, 1)
			if err != nil {
				t.Error(err)
			}
			slow <- got
		}()
		synctest.Wait()
		if got, err := c.Get(t.Context(), tenant, 2); err != nil || got.Version != 2 {
			t.Fatalf("got %+v, %v", got, err)
		}
		close(open)
		if got := <-slow; got.Version != 2 {
			t.Errorf("the slow caller got version %d although 2 was there", got.Version)
		}
		if got, err := c.Get(t.Context(), tenant, 0); err != nil || got.Version != 2 {
			t.Errorf("the cache holds %+v, %v", got, err)
		}
	})
}

func TestCacheGet_callerGivesUp_othersStillGetTheirs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(1)
		open := make(chan struct{})
		c := NewCache(func(ctx context.Context, tenant ids.Tenant, v int64) (*Config, error) {
			select {
			case <-open:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			return s.load(ctx, tenant, v)
		}, CacheConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error)
		go func() {
			_, err := c.Get(ctx, tenant, 1)
			first <- err
		}()
		synctest.Wait()
		second := make(chan error)
		go func() {
			_, err := c.Get(t.Context(), tenant, 1)
			second <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) || !errors.Is(err, apierr.Unavailable(0)) {
			t.Errorf("the one who gave up: %v", err)
		}
		close(open)
		if err := <-second; err != nil {
			t.Errorf("the one who waited: %v", err)
		}
	})
}

func TestCacheGet_loaderHangs_endsInUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCache(func(ctx context.Context, _ ids.Tenant, _ int64) (*Config, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, CacheConfig{LoadTimeout: time.Second})
		if _, err := c.Get(t.Context(), tenant, 1); !errors.Is(err, apierr.Unavailable(0)) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCacheGet_manyTenants_staysBounded(t *testing.T) {
	const maxBytes = 64 * entryOverhead
	c := NewCache(newSource(1).load, CacheConfig{MaxBytes: maxBytes})
	for i := range 5000 {
		if _, err := c.Get(t.Context(), ids.Tenant{ProjectID: fmt.Sprint(i), BranchID: "main"}, 1); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.entries.Weight(); got == 0 || got > maxBytes {
		t.Errorf("holds %d bytes, allowed %d", got, maxBytes)
	}
}

func TestCacheGet_configLargerThanCache_isStillServed(t *testing.T) {
	big := &Config{Tenant: tenant, Version: 1, size: 1 << 20}
	c := NewCache(func(context.Context, ids.Tenant, int64) (*Config, error) { return big, nil }, CacheConfig{MaxBytes: 1 << 10})
	for range 3 {
		if got, err := c.Get(t.Context(), tenant, 1); err != nil || got != big {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

// While the version grows, no caller ever sees less than it asked for.
func TestCacheGet_versionsGrowUnderLoad_neverOlderThanAsked(t *testing.T) {
	s := newSource(1)
	c := NewCache(s.load, CacheConfig{})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 500 {
				want := s.version.Load()
				if got, err := c.Get(t.Context(), tenant, want); err != nil || got.Version < want {
					t.Errorf("asked for %d, got %+v, %v", want, got, err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for range 500 {
			s.version.Add(1)
		}
	})
	wg.Wait()
}
