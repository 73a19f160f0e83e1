package accesstoken

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/cache"
	"vestibule.dev/pkg/clock"
)

// Key is a published key that verifies access tokens.
type Key struct {
	ID     string
	Public *ecdsa.PublicKey
}

// KeySource fetches the keys of an audience; none when there is no such
// audience.
type KeySource func(ctx context.Context, audience string) ([]Key, error)

// Lives say how long fetched keys are used.
type Lives struct {
	// Fresh bounds how long a withdrawn signing key is believed.
	Fresh time.Duration
	// Stale is how long keys serve on while the source cannot be reached.
	Stale time.Duration
	// Pause is between two fetches for one audience, whatever callers send:
	// unknown key ids cost one fetch in that time, not one each.
	Pause time.Duration
	// Fetch bounds one fetch.
	Fetch time.Duration
}

// audiencesCached bounds memory; an entry has under 1 KiB.
const audiencesCached = 30_000

// verificationKeys are the public keys of all audiences, by audience and key
// id.
type verificationKeys struct {
	source KeySource
	lives  Lives
	clock  clock.Clock
	cache  *cache.Cache[string, *audienceKeys]
	loads  singleflight.Group
}

type audienceKeys struct {
	mu      sync.Mutex
	byID    map[string]*ecdsa.PublicKey
	fetched time.Time // of byID; zero before the first success
	tried   time.Time
}

func newVerificationKeys(source KeySource, c clock.Clock, lives Lives) *verificationKeys {
	return &verificationKeys{
		source: source, lives: lives, clock: c,
		cache: cache.New(cache.Options[string, *audienceKeys]{MaxEntries: audiencesCached}),
	}
}

// get returns the key of an audience, or nil if the audience has no such key.
// Its error is 503.
func (v *verificationKeys) get(ctx context.Context, audience, kid string) (*ecdsa.PublicKey, error) {
	entry := v.cache.GetOrAdd(audience, func() *audienceKeys { return &audienceKeys{} })
	now := v.clock.Now()
	entry.mu.Lock()
	key, fetched, tried := entry.byID[kid], entry.fetched, entry.tried
	entry.mu.Unlock()
	age := now.Sub(fetched)
	switch {
	case key != nil && age < v.lives.Fresh:
		return key, nil
	case now.Sub(tried) < v.lives.Pause:
		if fetched.IsZero() {
			break // the first answer is still out, or failed
		}
		if key != nil && age >= v.lives.Stale {
			key = nil
		}
		return key, nil
	}
	_, err, _ := v.loads.Do(audience, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.lives.Fetch)
		defer cancel()
		return nil, v.load(ctx, audience, entry)
	})
	entry.mu.Lock()
	defer entry.mu.Unlock()
	key = entry.byID[kid]
	if err != nil && (key == nil || now.Sub(entry.fetched) >= v.lives.Stale) {
		return nil, apierr.Unavailable(time.Second).WithCause(err)
	}
	return key, nil
}

func (v *verificationKeys) load(ctx context.Context, audience string, entry *audienceKeys) error {
	now := v.clock.Now()
	entry.mu.Lock()
	entry.tried = now
	entry.mu.Unlock()
	keys, err := v.source(ctx, audience)
	if err != nil {
		return err
	}
	byID := make(map[string]*ecdsa.PublicKey, len(keys))
	for _, key := range keys {
		byID[key.ID] = key.Public
	}
	entry.mu.Lock()
	entry.byID, entry.fetched = byID, now
	entry.mu.Unlock()
	return nil
}

// ParseKey reads a P-256 key (RFC 7518 section 6.2).
func ParseKey(kid, x, y string) (Key, error) {
	rawX, errX := base64.RawURLEncoding.DecodeString(x)
	rawY, errY := base64.RawURLEncoding.DecodeString(y)
	if errX != nil || errY != nil || len(rawX) != 32 || len(rawY) != 32 || kid == "" {
		return Key{}, errors.New("accesstoken: malformed verification key")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, rawX...), rawY...))
	return Key{ID: kid, Public: public}, err
}
