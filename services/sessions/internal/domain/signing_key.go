package domain

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"
)

// KeyState is where a signing key is in its life. A key is published in every
// state and signs in one.
type KeyState string

// States of a signing key, in the order a key passes through them. A retired
// key is deleted when the last token it signed has expired.
const (
	KeyNext    KeyState = "next"
	KeyActive  KeyState = "active"
	KeyRetired KeyState = "retired"
)

// PublicKey is what verifies the tokens of an audience.
type PublicKey struct {
	// KID is 12 URL-safe characters.
	KID string
	// X and Y are the coordinates of the point on P-256, 32 bytes each.
	X, Y []byte
}

// SigningKey is an ES256 key of one audience.
type SigningKey struct {
	PublicKey

	Audience Audience
	State    KeyState
	Private  *ecdsa.PrivateKey
	// CreatedAt is when the key was first published.
	CreatedAt time.Time
	// ActivatedAt and RetiredAt are zero before the key enters that state.
	ActivatedAt, RetiredAt time.Time
}

// NewSigningKey makes a key, which is next or active from now on.
func NewSigningKey(audience Audience, state KeyState, now time.Time) (SigningKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return SigningKey{}, fmt.Errorf("generate signing key: %w", err)
	}
	// 0x04, then both coordinates.
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return SigningKey{}, fmt.Errorf("encode public key: %w", err)
	}
	kid := make([]byte, 9)
	_, _ = rand.Read(kid) // never fails: it ends the program instead
	key := SigningKey{
		PublicKey: PublicKey{
			KID: base64.RawURLEncoding.EncodeToString(kid),
			X:   point[1:33],
			Y:   point[33:],
		},
		Audience:  audience,
		State:     state,
		Private:   private,
		CreatedAt: now,
	}
	if state == KeyActive {
		key.ActivatedAt = now
	}
	return key, nil
}

// KeySet is the published keys of one audience: the active key and one more,
// which is next until the keys are rotated and retired while tokens of the
// time before may live.
type KeySet struct {
	Audience Audience
	Active   SigningKey
	Other    SigningKey
}

// NewKeySet sorts the keys of an audience. It reports false unless there are
// exactly an active key and one other.
func NewKeySet(keys []SigningKey) (KeySet, bool) {
	if len(keys) != 2 {
		return KeySet{}, false
	}
	active, other := keys[0], keys[1]
	if active.State != KeyActive {
		active, other = other, active
	}
	if active.State != KeyActive || other.State == KeyActive {
		return KeySet{}, false
	}
	return KeySet{Audience: active.Audience, Active: active, Other: other}, true
}

// Public returns what is published, the active key first.
func (s KeySet) Public() []PublicKey { return []PublicKey{s.Active.PublicKey, s.Other.PublicKey} }

// Rotation says when keys change.
type Rotation struct {
	// Every is the age at which an active key gives way to the next one.
	Every time.Duration
	// Ahead is how long a key is published before it signs. It covers the time
	// for which verifiers keep a fetched key set.
	Ahead time.Duration
	// Keep is how long a key stays published after it last signed. It covers
	// the life of an access token and the time for which a replica may still
	// sign with a key another one has retired.
	Keep time.Duration
}

// KeyStep is what is to be done with a key set.
type KeyStep uint8

// Steps of a key set's life.
const (
	// KeepKeys changes nothing.
	KeepKeys KeyStep = iota
	// RotateKeys retires the active key and activates the next one.
	RotateKeys
	// ReplaceRetired deletes the retired key and publishes a next one.
	ReplaceRetired
)

// Step returns what is due. With early set, keys rotate whatever their age; a
// next key that verifiers may not know yet is never activated.
func (r Rotation) Step(set KeySet, now time.Time, early bool) KeyStep {
	switch {
	case set.Other.State == KeyRetired && !now.Before(set.Other.RetiredAt.Add(r.Keep)):
		return ReplaceRetired
	case set.Other.State == KeyNext && !now.Before(set.Other.CreatedAt.Add(r.Ahead)) &&
		(early || !now.Before(set.Active.ActivatedAt.Add(r.Every))):
		return RotateKeys
	default:
		return KeepKeys
	}
}
