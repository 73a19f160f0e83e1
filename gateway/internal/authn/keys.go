package authn

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/grpcx"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
)

const (
	// keysLife bounds how long a withdrawn signing key is believed.
	keysLife = 30 * time.Second
	// keysStale is how long keys serve on while sessions cannot be reached.
	keysStale = 10 * time.Minute
	// keysPause is between two fetches for one audience, whatever callers
	// send: unknown key ids cost one fetch in that time, not one each.
	keysPause = 5 * time.Second
	// audiencesCached bounds memory; an entry has under 1 KiB.
	audiencesCached = 30_000
)

// verificationKeys are the public keys of all audiences, by audience and key
// id.
type verificationKeys struct {
	client sessionsv1.TokenInternalServiceClient
	clock  clock.Clock
	cache  *otter.Cache[string, *audienceKeys]
	loads  singleflight.Group
}

type audienceKeys struct {
	mu      sync.Mutex
	byID    map[string]*ecdsa.PublicKey
	fetched time.Time // of byID; zero before the first success
	tried   time.Time
}

func newVerificationKeys(client sessionsv1.TokenInternalServiceClient, c clock.Clock) (*verificationKeys, error) {
	cache, err := otter.New(&otter.Options[string, *audienceKeys]{MaximumSize: audiencesCached})
	if err != nil {
		return nil, err
	}
	return &verificationKeys{client: client, clock: c, cache: cache}, nil
}

// get returns the key of an audience, or nil if the audience has no such key.
// Its error is 503.
func (v *verificationKeys) get(ctx context.Context, audience, kid string) (*ecdsa.PublicKey, error) {
	entry, _ := v.cache.ComputeIfAbsent(audience, func() (*audienceKeys, bool) { return &audienceKeys{}, false })
	now := v.clock.Now()
	entry.mu.Lock()
	key, fetched, tried := entry.byID[kid], entry.fetched, entry.tried
	entry.mu.Unlock()
	age := now.Sub(fetched)
	switch {
	case key != nil && age < keysLife:
		return key, nil
	case now.Sub(tried) < keysPause:
		if fetched.IsZero() {
			break // the first answer is still out, or failed
		}
		if key != nil && age >= keysStale {
			key = nil
		}
		return key, nil
	}
	_, err, _ := v.loads.Do(audience, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		return nil, v.load(ctx, audience, entry)
	})
	entry.mu.Lock()
	defer entry.mu.Unlock()
	key = entry.byID[kid]
	if err != nil && (key == nil || now.Sub(entry.fetched) >= keysStale) {
		return nil, apierr.Unavailable(time.Second).WithCause(err)
	}
	return key, nil
}

func (v *verificationKeys) load(ctx context.Context, audience string, entry *audienceKeys) error {
	now := v.clock.Now()
	entry.mu.Lock()
	entry.tried = now
	entry.mu.Unlock()
	res, err := v.client.GetVerificationKeys(ctx, &sessionsv1.GetVerificationKeysRequest{Audience: audience})
	if err != nil && !apierr.HasCode(grpcx.FromStatus(err), apierr.CodeProjectNotFound) {
		return err
	}
	byID := make(map[string]*ecdsa.PublicKey, len(res.GetKeys()))
	for _, jwk := range res.GetKeys() {
		key, err := publicKey(jwk)
		if err != nil {
			return err
		}
		byID[jwk.GetKid()] = key
	}
	entry.mu.Lock()
	entry.byID, entry.fetched = byID, now
	entry.mu.Unlock()
	return nil
}

// publicKey reads a P-256 key (RFC 7518 section 6.2).
func publicKey(jwk *sessionsv1.Jwk) (*ecdsa.PublicKey, error) {
	x, errX := base64.RawURLEncoding.DecodeString(jwk.GetX())
	y, errY := base64.RawURLEncoding.DecodeString(jwk.GetY())
	if errX != nil || errY != nil || len(x) != 32 || len(y) != 32 || jwk.GetKid() == "" {
		return nil, errors.New("authn: malformed verification key")
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
}
