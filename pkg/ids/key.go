package ids

import (
	"fmt"
	"hash/crc32"
	"strings"
)

// ProjectKeyKind is the prefix that tells what a project key unlocks.
type ProjectKeyKind string

// Kinds of project keys.
const (
	PublishableClientKey ProjectKeyKind = "pck"
	SecretServerKey      ProjectKeyKind = "ssk"
	SuperSecretAdminKey  ProjectKeyKind = "sak"
)

// NewProjectKey returns the text of a new project key: the kind, an underscore
// and 45 random characters.
func NewProjectKey(kind ProjectKeyKind) string { return string(kind) + "_" + Secret() }

// KeyOwner is the type of the owner of an API key.
type KeyOwner string

// Owners of API keys.
const (
	UserKey KeyOwner = "user"
	TeamKey KeyOwner = "team"
)

// keyMarker lets secret scanners recognise the keys of this API.
const keyMarker = "574ck4u7h"

// keyLength is the length of an API key's text.
const keyLength = 2 + 1 + SecretLength + 32 + 4 + 1 + len(keyMarker) + 8

// Bits of the flag digit.
const (
	flagSelfHosted = 1
	flagPublic     = 2
)

// APIKey is the content of an API key's text.
type APIKey struct {
	// ID is the key's UUID in lower case.
	ID string
	// Owner says whether the key speaks for a user or for a team.
	Owner KeyOwner
	// Public keys may be shown to anybody; it changes the text, not the rights.
	Public bool

	secret string
}

// NewAPIKey returns a key with a fresh id and secret.
func NewAPIKey(owner KeyOwner, public bool) APIKey {
	return APIKey{ID: NewUUID(), Owner: owner, Public: public, secret: Secret()}
}

// Text returns the 102 lower-case characters the owner presents: sk or pk, an
// underscore, the secret, the id without dashes, the owner's type, the flag
// digit, the scanner marker and the checksum.
func (k APIKey) Text() string {
	prefix, flag := "sk", flagSelfHosted
	if k.Public {
		prefix, flag = "pk", flagSelfHosted|flagPublic
	}
	body := prefix + "_" + k.secret + strings.ReplaceAll(k.ID, "-", "") + string(k.Owner) + string(Alphabet[flag]) + keyMarker
	return body + checksum(body)
}

// String hides the secret, so that a key can be printed.
func (k APIKey) String() string { return "api key " + k.ID }

// GoString hides the secret as String does.
func (k APIKey) GoString() string { return k.String() }

// ParseAPIKey reads the text of a key. It reports false for anything that does
// not have exactly the shape and checksum [APIKey.Text] gives, whatever the
// platform it was made on. A text that parses is not thereby a valid key.
func ParseAPIKey(text string) (APIKey, bool) {
	if len(text) != keyLength || text[2] != '_' {
		return APIKey{}, false
	}
	body, sum := text[:keyLength-8], text[keyLength-8:]
	rest := body[3:]
	secret, rest := rest[:SecretLength], rest[SecretLength:]
	id, rest := rest[:32], rest[32:]
	owner, rest := KeyOwner(rest[:4]), rest[4:]
	flag, marker := strings.IndexByte(Alphabet, rest[0]), rest[1:]

	public := flag&flagPublic != 0
	prefix := "sk"
	if public {
		prefix = "pk"
	}
	id = id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
	ok := text[:2] == prefix && isBase32(secret) && ValidUUID(id) && id == strings.ToLower(id) &&
		(owner == UserKey || owner == TeamKey) &&
		flag >= 0 && flag <= flagSelfHosted|flagPublic &&
		marker == keyMarker && sum == checksum(body)
	if !ok {
		return APIKey{}, false
	}
	return APIKey{ID: id, Owner: owner, Public: public, secret: secret}, true
}

// checksum is CRC-32 (IEEE) in eight lower-case hexadecimal digits. It finds
// typing mistakes; it protects nothing.
func checksum(s string) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(s))) }
