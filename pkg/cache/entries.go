package cache

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"
)

// entries is the library's cache as [Cache] needs it. It is an interface so
// that nobody who holds a cache can reach the library's types.
type entries interface {
	get(key any) (any, bool)
	set(key, value any)
	add(key, value any) bool
	getOrAdd(key any, initial func() any) any
	update(key any, change func(old any, found bool) (any, bool))
	load(ctx context.Context, key any, load func(ctx context.Context) (any, error)) (any, error)
	drop(key any)
	total() uint64
}

// bounds are [Options] without types.
type bounds struct {
	entries int
	weight  uint64
	weigh   func(key, value any) uint32
	life    func(value any) time.Duration
}

type otterEntries struct{ cache *otter.Cache[any, any] }

func newEntries(b bounds) entries {
	if (b.entries > 0) == (b.weight > 0) {
		panic("cache: want one bound")
	}
	options := &otter.Options[any, any]{MaximumSize: b.entries, MaximumWeight: b.weight, Weigher: b.weigh}
	if b.life != nil {
		options.ExpiryCalculator = otter.ExpiryWritingFunc(func(entry otter.Entry[any, any]) time.Duration {
			return b.life(entry.Value)
		})
	}
	return otterEntries{otter.Must(options)}
}

func (e otterEntries) get(key any) (any, bool) { return e.cache.GetIfPresent(key) }

func (e otterEntries) set(key, value any) { e.cache.Set(key, value) }

func (e otterEntries) add(key, value any) bool {
	_, added := e.cache.SetIfAbsent(key, value)
	return added
}

func (e otterEntries) getOrAdd(key any, initial func() any) any {
	value, _ := e.cache.ComputeIfAbsent(key, func() (any, bool) { return initial(), false })
	return value
}

func (e otterEntries) update(key any, change func(old any, found bool) (any, bool)) {
	e.cache.Compute(key, func(old any, found bool) (any, otter.ComputeOp) {
		value, ok := change(old, found)
		if !ok {
			return old, otter.CancelOp
		}
		return value, otter.WriteOp
	})
}

func (e otterEntries) load(ctx context.Context, key any, load func(ctx context.Context) (any, error)) (any, error) {
	return e.cache.Get(ctx, key, otter.LoaderFunc[any, any](
		func(ctx context.Context, _ any) (any, error) { return load(ctx) }))
}

func (e otterEntries) drop(key any) { e.cache.Invalidate(key) }

func (e otterEntries) total() uint64 {
	e.cache.CleanUp()
	if e.cache.IsWeighted() {
		return e.cache.WeightedSize()
	}
	return uint64(e.cache.EstimatedSize())
}
