package secret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// keySize is the size of every key of a ring in bytes (AES-256).
const keySize = 32

// maxKeyID is the longest key id.
const maxKeyID = 32

// KeyRing holds named 256-bit keys. The first encrypts, all decrypt: to rotate,
// put a new key in front, rewrap what is stored, then drop the old key.
type KeyRing struct {
	ids  []string
	keys map[string][]byte
}

// ParseKeyRing reads a ring from "id:base64,id2:base64": ids of up to 32
// letters, digits, "-" and "_", keys of 32 bytes in standard base64. Errors name
// the id at fault and never show key material.
func ParseKeyRing(text Secret) (*KeyRing, error) {
	r := &KeyRing{keys: map[string][]byte{}}
	if text == "" {
		return nil, errors.New("secret: the key ring is empty")
	}
	for i, entry := range strings.Split(text.Reveal(), ",") {
		id, encoded, ok := strings.Cut(strings.TrimSpace(entry), ":")
		if !ok || !validKeyID(id) {
			// The text before the colon may be a key that lacks its id.
			return nil, fmt.Errorf("secret: entry %d of the key ring is not <id>:<base64>", i+1)
		}
		if _, ok := r.keys[id]; ok {
			return nil, fmt.Errorf("secret: the key ring has two keys %q", id)
		}
		key, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || len(key) != keySize {
			return nil, fmt.Errorf("secret: key %q is not %d bytes of base64", id, keySize)
		}
		r.ids = append(r.ids, id)
		r.keys[id] = key
	}
	return r, nil
}

// CurrentID returns the id of the key that encrypts.
func (r *KeyRing) CurrentID() string { return r.ids[0] }

// IDs returns the ids of all keys, the current one first.
func (r *KeyRing) IDs() []string { return append([]string(nil), r.ids...) }

// String names the keys of the ring without showing them.
func (r *KeyRing) String() string { return "key ring " + strings.Join(r.ids, ",") }

// GoString hides the keys as String does.
func (r *KeyRing) GoString() string { return r.String() }

func validKeyID(id string) bool {
	if id == "" || len(id) > maxKeyID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !isDigit(c) && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
