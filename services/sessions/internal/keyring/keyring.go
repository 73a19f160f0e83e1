// Package keyring holds the signing keys in memory, so that minting an access
// token costs one signature and no query.
package keyring

import (
	"context"
	"time"

	"vestibule.dev/pkg/cache"
	"vestibule.dev/services/sessions/internal/domain"
)

// maxAudiences bounds the cache; a key set takes about a kilobyte.
const maxAudiences = 30_000

// Keyring caches the key sets of audiences. It is safe for concurrent use.
type Keyring struct {
	sets *cache.Cache[domain.Audience, domain.KeySet]
}

// New returns a keyring that reads a key set again when it is older than ttl.
func New(ttl time.Duration) *Keyring {
	return &Keyring{sets: cache.New(cache.Options[domain.Audience, domain.KeySet]{
		MaxEntries: maxAudiences,
		Life:       func(domain.KeySet) time.Duration { return ttl },
	})}
}

// KeySet returns the cached key set of an audience or else calls load, once
// for all parallel callers. A failure is not cached.
func (k *Keyring) KeySet(ctx context.Context, audience domain.Audience, load func(ctx context.Context) (domain.KeySet, error)) (domain.KeySet, error) {
	return k.sets.Load(ctx, audience, load)
}

// Forget drops the key set of an audience.
func (k *Keyring) Forget(audience domain.Audience) { k.sets.Drop(audience) }
