// Package cache promises that what a process remembers is bounded: a cache
// holds so many entries, or so many bytes, and forgets what is least used.
//
// A [Cache] remembers; a [Lookup] also asks whoever knows.
//
// It keeps the types of the library it is built on to itself. A generic type is
// compiled again in every package that can reach it, and a whole cache in each
// of a hundred packages took a quarter of the time of a build.
package cache

import (
	"context"
	"time"
)

// Options bound a cache: by MaxEntries, or by MaxWeight and Weigh.
type Options[K comparable, V any] struct {
	// MaxEntries is how many entries are held.
	MaxEntries int
	// MaxWeight is what all entries may weigh together.
	MaxWeight uint64
	// Weigh tells what an entry weighs, in a unit of the caller's choice.
	Weigh func(key K, value V) uint32
	// Life is how long an entry is held after it was set; for ever if there is
	// no such function.
	Life func(value V) time.Duration
}

// Cache remembers values by key. It is safe for concurrent use.
type Cache[K comparable, V any] struct{ entries entries }

// New returns an empty cache. It panics if the options say no bound, or two.
func New[K comparable, V any](o Options[K, V]) *Cache[K, V] {
	bounds := bounds{entries: o.MaxEntries, weight: o.MaxWeight}
	if o.Weigh != nil {
		bounds.weigh = func(key, value any) uint32 { return o.Weigh(key.(K), as[V](value)) }
	}
	if o.Life != nil {
		bounds.life = func(value any) time.Duration { return o.Life(as[V](value)) }
	}
	return &Cache[K, V]{newEntries(bounds)}
}

// Get returns what is remembered for a key.
func (c *Cache[K, V]) Get(key K) (V, bool) {
	value, ok := c.entries.get(key)
	return as[V](value), ok
}

// Set remembers a value.
func (c *Cache[K, V]) Set(key K, value V) { c.entries.set(key, value) }

// Add remembers a value if there is none for the key, and tells whether so.
func (c *Cache[K, V]) Add(key K, value V) bool { return c.entries.add(key, value) }

// GetOrAdd returns what is remembered for a key, or else adds what initial
// returns: one value for all who ask at the same time.
func (c *Cache[K, V]) GetOrAdd(key K, initial func() V) V {
	return as[V](c.entries.getOrAdd(key, func() any { return initial() }))
}

// Update lets change decide, alone, what is remembered for a key from now on;
// without ok everything stays as it was.
func (c *Cache[K, V]) Update(key K, change func(old V, found bool) (value V, ok bool)) {
	c.entries.update(key, func(old any, found bool) (any, bool) { return change(as[V](old), found) })
}

// Load returns what is remembered for a key, or else what load returns, which
// is called once for all who ask at the same time. Errors are not remembered.
func (c *Cache[K, V]) Load(ctx context.Context, key K, load func(ctx context.Context) (V, error)) (V, error) {
	value, err := c.entries.load(ctx, key, func(ctx context.Context) (any, error) { return load(ctx) })
	return as[V](value), err
}

// Drop forgets a key.
func (c *Cache[K, V]) Drop(key K) { c.entries.drop(key) }

// Weight returns what all entries weigh, or their number, after those that are
// too many are gone.
func (c *Cache[K, V]) Weight() uint64 { return c.entries.total() }

// as turns a value back into its type; nothing is the zero value.
func as[V any](value any) V {
	v, _ := value.(V)
	return v
}
