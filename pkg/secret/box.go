package secret

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

// ErrUnknownKey is returned for a sealed value whose key is not in the ring.
var ErrUnknownKey = errors.New("secret: the key of the sealed value is not in the ring")

// ErrCannotOpen is returned for a sealed value that was changed, cut, or sealed
// for another place.
var ErrCannotOpen = errors.New("secret: the sealed value cannot be opened")

// sealedVersion is the first byte of a sealed value.
const sealedVersion = 1

// wrappedKey is the size of an encrypted data key: nonce, key, tag.
const wrappedKey = 12 + keySize + 16

// SealedHead is how much of the beginning of a sealed value holds its key, at
// most: all that [Box.Rewrap] has to see.
const SealedHead = 2 + maxKeyID + wrappedKey

// Box encrypts values that are stored and read back. Each value has a random
// key of its own, which is encrypted under the current key of a ring
// (AES-256-GCM, both), so that rotating the ring touches a few bytes per row.
// It is safe for concurrent use.
//
// A sealed value is: version 1, length of the key id, key id, encrypted data
// key, encrypted value. It is 90 bytes and the key id longer than the value.
type Box struct {
	current string
	wraps   map[string]cipher.AEAD
}

// NewBox returns a box that uses the keys of ring.
func NewBox(ring *KeyRing) *Box {
	b := &Box{current: ring.CurrentID(), wraps: make(map[string]cipher.AEAD, len(ring.keys))}
	for id, key := range ring.keys {
		b.wraps[id] = newGCM(key)
	}
	return b
}

// Seal encrypts plaintext and binds it to a place, such as table, project and
// row id: only the same list of strings opens it, so that a sealed value is of
// no use when it is copied to another row.
func (b *Box) Seal(plaintext []byte, place ...string) []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	out := b.wrap(key, len(plaintext)+28)
	return newGCM(key).Seal(out, nil, plaintext, join(place))
}

// Open decrypts what [Box.Seal] returned for the same place.
func (b *Box) Open(sealed []byte, place ...string) ([]byte, error) {
	key, _, body, err := b.unwrap(sealed)
	if err != nil {
		return nil, err
	}
	plaintext, err := newGCM(key).Open(nil, nil, body, join(place))
	if err != nil {
		return nil, ErrCannotOpen
	}
	return plaintext, nil
}

// Rewrap returns the sealed value under the current key of the ring without
// decrypting the value itself, and whether that changed anything. The first
// [SealedHead] bytes of a longer value may stand for all of it.
func (b *Box) Rewrap(sealed []byte) ([]byte, bool, error) {
	key, id, body, err := b.unwrap(sealed)
	if err != nil {
		return nil, false, err
	}
	if id == b.current {
		return sealed, false, nil
	}
	return append(b.wrap(key, len(body)), body...), true, nil
}

// KeyID returns the id of the key that a value, or the beginning of one, is
// sealed under. ok is false for what is no sealed value.
func KeyID(sealed []byte) (id string, ok bool) {
	if len(sealed) < 2 || sealed[0] != sealedVersion || len(sealed) < 2+int(sealed[1]) {
		return "", false
	}
	return string(sealed[2 : 2+sealed[1]]), true
}

// CurrentID returns the id of the key that seals.
func (b *Box) CurrentID() string { return b.current }

// Knows reports whether the key of this id is in the ring.
func (b *Box) Knows(id string) bool { return b.wraps[id] != nil }

// Header returns what every value begins with that is sealed under the current
// key, and no other.
func (b *Box) Header() []byte {
	return append([]byte{sealedVersion, byte(len(b.current))}, b.current...)
}

// wrap returns header and encrypted data key, with room for extra more bytes.
func (b *Box) wrap(key []byte, extra int) []byte {
	out := append(make([]byte, 0, 2+len(b.current)+wrappedKey+extra), b.Header()...)
	return b.wraps[b.current].Seal(out, nil, key, bytes.Clone(out))
}

// unwrap returns the data key of a sealed value, the id of the key it is
// wrapped with, and the encrypted value.
func (b *Box) unwrap(sealed []byte) (key []byte, id string, body []byte, err error) {
	if len(sealed) < 2 || sealed[0] != sealedVersion {
		return nil, "", nil, ErrCannotOpen
	}
	head := 2 + int(sealed[1])
	if len(sealed) < head+wrappedKey {
		return nil, "", nil, ErrCannotOpen
	}
	id = string(sealed[2:head])
	wrap, ok := b.wraps[id]
	if !ok {
		return nil, "", nil, fmt.Errorf("%w: %q", ErrUnknownKey, id)
	}
	key, err = wrap.Open(nil, nil, sealed[head:head+wrappedKey], sealed[:head])
	if err != nil {
		return nil, "", nil, ErrCannotOpen
	}
	return key, id, sealed[head+wrappedKey:], nil
}

// newGCM returns AES-256-GCM that makes its own nonces. The key always has the
// right size, so the constructors cannot fail.
func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("secret: " + err.Error())
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("secret: " + err.Error())
	}
	return aead
}
