package cache

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"vestibule.dev/pkg/clock"
)

// unknownLife is how long it is believed at most that there is nothing: what was
// asked for before it existed should not seem to be missing for long.
const unknownLife = 2 * time.Second

// LookupOptions say whom a [Lookup] asks, and what it may believe.
type LookupOptions[V any] struct {
	// Ask gets an answer from whoever knows; nil means that there is nothing.
	Ask func(ctx context.Context, key string) (*V, error)
	// Timeout bounds one question.
	Timeout time.Duration
	// Life is how long an answer is believed unless somebody says that it
	// changed; that there is nothing, for two seconds at most.
	Life time.Duration
	// MaxEntries is how many answers are remembered.
	MaxEntries int
	Clock      clock.Clock
}

// Lookup remembers what somebody else knows and tells of when it changes. It is
// safe for concurrent use.
type Lookup[V any] struct {
	options LookupOptions[V]
	answers *Cache[string, answer[V]]
	asking  singleflight.Group
	// generation grows with every drop, so that an answer that was under way
	// during one is not remembered. mu holds it together with the answers.
	mu         sync.Mutex
	generation uint64
}

type answer[V any] struct {
	value *V
	until time.Time
}

// NewLookup returns a Lookup that knows nothing yet.
func NewLookup[V any](o LookupOptions[V]) *Lookup[V] {
	return &Lookup[V]{options: o, answers: New(Options[string, answer[V]]{MaxEntries: o.MaxEntries})}
}

// Get returns the answer for a key, asking once for all who wait for it. Errors
// are those of Ask and are not remembered.
func (l *Lookup[V]) Get(ctx context.Context, key string) (*V, error) {
	if known, ok := l.answers.Get(key); ok && l.options.Clock.Now().Before(known.until) {
		return known.value, nil
	}
	value, err, _ := l.asking.Do(key, func() (any, error) {
		// Others wait for this answer; it must not end with the request that
		// happens to ask.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.options.Timeout)
		defer cancel()
		return l.ask(ctx, key)
	})
	return as[*V](value), err
}

func (l *Lookup[V]) ask(ctx context.Context, key string) (*V, error) {
	l.mu.Lock()
	generation := l.generation
	l.mu.Unlock()
	value, err := l.options.Ask(ctx, key)
	if err != nil {
		return value, err
	}
	life := l.options.Life
	if value == nil {
		life = min(life, unknownLife)
	}
	known := answer[V]{value: value, until: l.options.Clock.Now().Add(life)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.generation == generation {
		l.answers.Set(key, known)
	}
	return value, nil
}

// Drop forgets a key, because its answer changed. An answer that is under way is
// not given to those who ask from now on.
func (l *Lookup[V]) Drop(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.generation++
	l.asking.Forget(key)
	l.answers.Drop(key)
}
