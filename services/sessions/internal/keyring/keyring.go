// Package keyring holds the signing keys in memory, so that minting an access
// token costs one signature and no query.
package keyring

import (
	"context"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"vestibule.dev/services/sessions/internal/domain"
)

// maxAudiences bounds the cache; a key set takes about a kilobyte.
const maxAudiences = 30_000

// Keyring caches the key sets of audiences. It is safe for concurrent use.
type Keyring struct {
	sets *otter.Cache[domain.Audience, domain.KeySet]
}

// New returns a keyring that reads a key set again when it is older than ttl.
func New(ttl time.Duration) (*Keyring, error) {
	sets, err := otter.New(&otter.Options[domain.Audience, domain.KeySet]{
		MaximumSize:      maxAudiences,
		ExpiryCalculator: otter.ExpiryCreating[domain.Audience, domain.KeySet](ttl),
	})
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return &Keyring{sets: sets}, nil
}

// KeySet returns the cached key set of an audience or else calls load, once
// for all parallel callers. A failure is not cached.
func (k *Keyring) KeySet(ctx context.Context, audience domain.Audience, load func(ctx context.Context) (domain.KeySet, error)) (domain.KeySet, error) {
	return k.sets.Get(ctx, audience, otter.LoaderFunc[domain.Audience, domain.KeySet](
		func(ctx context.Context, _ domain.Audience) (domain.KeySet, error) { return load(ctx) }))
}

// Forget drops the key set of an audience.
func (k *Keyring) Forget(audience domain.Audience) { k.sets.Invalidate(audience) }
