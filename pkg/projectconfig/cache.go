package projectconfig

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/cache"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/ids"
)

// Loader fetches the configuration of a tenant, at least as new as minVersion,
// with Tenant and Version filled in. A minVersion of 0 asks for the newest.
type Loader func(ctx context.Context, tenant ids.Tenant, minVersion int64) (*Config, error)

// CacheConfig bounds a [Cache]. Zero values mean the defaults.
type CacheConfig struct {
	// MaxBytes bounds the JSON of all configurations together; by default
	// 32 MiB. What they occupy in memory is of the same order.
	MaxBytes uint64
	// MaxAge is how old an entry may be for callers that name no version; by
	// default 10 seconds.
	MaxAge time.Duration
	// LoadTimeout bounds one call of the loader; by default 5 seconds. The
	// caller's own deadline bounds how long the caller waits.
	LoadTimeout time.Duration
	// Clock is the system's by default.
	Clock clock.Clock
}

// Versioned is what a cache holds: a view of one version of a tenant's
// configuration.
type Versioned interface {
	// ConfigVersion is the version of the project the view was made of.
	ConfigVersion() int64
	// Size is what the view counts for in the bound of the cache, in bytes.
	Size() int
}

// Cache holds configurations by tenant. It is safe for concurrent use.
type Cache = CacheOf[*Config]

// CacheOf holds views of configurations by tenant. It is safe for concurrent
// use.
type CacheOf[V Versioned] struct {
	load    func(ctx context.Context, tenant ids.Tenant, minVersion int64) (V, error)
	maxAge  time.Duration
	timeout time.Duration
	clock   clock.Clock
	entries *cache.Cache[ids.Tenant, entry[V]]
	flights singleflight.Group
}

type entry[V Versioned] struct {
	view   V
	loaded time.Time
}

// entryOverhead is added to the size of every configuration, so that tiny ones
// are bounded as well.
const entryOverhead = 1024

// NewCache returns an empty cache that fills itself from load.
func NewCache(load Loader, c CacheConfig) *Cache {
	return NewCacheOf(load, c)
}

// NewCacheOf returns an empty cache of views that load makes; see [Loader].
func NewCacheOf[V Versioned](load func(ctx context.Context, tenant ids.Tenant, minVersion int64) (V, error), c CacheConfig) *CacheOf[V] {
	if c.MaxBytes == 0 {
		c.MaxBytes = 32 << 20
	}
	if c.MaxAge == 0 {
		c.MaxAge = 10 * time.Second
	}
	if c.LoadTimeout == 0 {
		c.LoadTimeout = 5 * time.Second
	}
	if c.Clock == nil {
		c.Clock = clock.System()
	}
	return &CacheOf[V]{
		load: load, maxAge: c.MaxAge, timeout: c.LoadTimeout, clock: c.Clock,
		entries: cache.New(cache.Options[ids.Tenant, entry[V]]{
			MaxWeight: c.MaxBytes,
			Weigh: func(_ ids.Tenant, e entry[V]) uint32 {
				return uint32(min(e.view.Size()+entryOverhead, 1<<31))
			},
		}),
	}
}

// Get returns the configuration of a tenant whose version is minVersion or
// newer: pass the version of the principal, and a change is seen by the request
// after it. With a minVersion of 0 the configuration may be as old as MaxAge.
//
// Callers that ask for the same at the same time share one load. Errors of the
// loader are returned as they are; a load that is too slow or brings an older
// version ends in [apierr.Unavailable].
func (c *CacheOf[V]) Get(ctx context.Context, tenant ids.Tenant, minVersion int64) (V, error) {
	var none V
	if e, ok := c.entries.Get(tenant); ok && c.serves(e, minVersion) {
		return e.view, nil
	}
	// The load outlives a caller that gives up, since others may wait for it.
	key := fmt.Sprintf("%q %q %d", tenant.ProjectID, tenant.BranchID, minVersion)
	flight := c.flights.DoChan(key, func() (any, error) {
		loadCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
		defer cancel()
		return c.fill(loadCtx, tenant, minVersion)
	})
	select {
	case r := <-flight:
		if r.Err != nil {
			return none, r.Err
		}
		return r.Val.(V), nil
	case <-ctx.Done():
		return none, apierr.Unavailable(time.Second).WithCause(ctx.Err())
	}
}

func (c *CacheOf[V]) serves(e entry[V], minVersion int64) bool {
	if minVersion == 0 {
		return c.clock.Now().Sub(e.loaded) < c.maxAge
	}
	return e.view.ConfigVersion() >= minVersion
}

// fill loads a configuration and keeps it, or returns a newer one that came in
// meanwhile.
func (c *CacheOf[V]) fill(ctx context.Context, tenant ids.Tenant, minVersion int64) (V, error) {
	var none V
	asked := c.clock.Now()
	view, err := c.load(ctx, tenant, minVersion)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return none, apierr.Unavailable(time.Second).WithCause(err)
	case err != nil:
		return none, err
	case view.ConfigVersion() < minVersion:
		return none, apierr.Unavailable(time.Second).WithCause(
			fmt.Errorf("projectconfig: got version %d of project %s, need %d", view.ConfigVersion(), tenant.ProjectID, minVersion))
	}
	c.entries.Update(tenant, func(old entry[V], found bool) (entry[V], bool) {
		if found && old.view.ConfigVersion() > view.ConfigVersion() {
			view = old.view
			return old, false
		}
		return entry[V]{view: view, loaded: asked}, true
	})
	return view, nil
}
