package secret

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Limits of stored argon2 hashes. They admit the defaults of the common
// libraries and frameworks and refuse what would tie up a core for seconds.
const (
	maxMemory  = 64 * 1024  // KiB
	maxWork    = 256 * 1024 // KiB times passes
	maxTime    = 64
	maxThreads = 16
	maxPHC     = 256 // characters
	minSalt    = 8
	maxSalt    = 64
	minKey     = 16
	maxKey     = 64
)

type variant string

const (
	argon2id variant = "argon2id"
	argon2i  variant = "argon2i"
)

// params is the content of an argon2 PHC string.
type params struct {
	variant variant
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
	salt    []byte
	key     []byte
}

// newParams returns the parameters of new hashes, without salt and key.
func newParams() params {
	return params{variant: argon2id, memory: newMemory, time: newTime, threads: newThreads}
}

// current reports whether a new hash would have the same parameters.
func (p params) current() bool {
	n := newParams()
	return p.variant == n.variant && p.memory == n.memory && p.time == n.time && p.threads == n.threads &&
		len(p.salt) == newSalt && len(p.key) == newKey
}

// String returns the PHC string.
func (p params) String() string {
	return fmt.Sprintf("$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", p.variant, argon2.Version, p.memory, p.time, p.threads,
		base64.RawStdEncoding.EncodeToString(p.salt), base64.RawStdEncoding.EncodeToString(p.key))
}

// parseArgon2 reads a PHC string of version 19 whose cost is within the limits.
func parseArgon2(s string) (params, bool) {
	if len(s) > maxPHC {
		return params{}, false
	}
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return params{}, false
	}
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return params{}, false
	}
	m, okM := cost(costs[0], "m=", maxMemory)
	t, okT := cost(costs[1], "t=", maxTime)
	threads, okP := cost(costs[2], "p=", maxThreads)
	if !okM || !okT || !okP || m < 8*threads || m*t > maxWork {
		return params{}, false
	}
	salt, errSalt := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	key, errKey := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	p := params{
		variant: variant(parts[1]), memory: m, time: t, threads: uint8(threads), salt: salt, key: key,
	}
	ok := (p.variant == argon2id || p.variant == argon2i) && errSalt == nil && errKey == nil &&
		len(salt) >= minSalt && len(salt) <= maxSalt && len(key) >= minKey && len(key) <= maxKey
	return p, ok
}

// cost reads "<prefix><1…limit>" in plain decimal.
func cost(s, prefix string, limit uint32) (uint32, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || digits == "" || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), err == nil && n <= uint64(limit)
}
