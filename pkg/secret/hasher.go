package secret

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// ErrUnsupportedHash is returned for a stored hash of unknown form, or one whose
// parameters would cost more than any honest hash does.
var ErrUnsupportedHash = errors.New("secret: unsupported password hash")

// Parameters of new hashes: argon2id as recommended by the OWASP password
// storage cheat sheet.
const (
	newMemory  = 19 * 1024 // KiB
	newTime    = 2
	newThreads = 1
	newSalt    = 16 // bytes
	newKey     = 32 // bytes
)

// defaultQueue is how many callers may wait for a slot; about a second's work.
const defaultQueue = 64

// HasherConfig bounds what hashing may use. Zero values mean the defaults.
type HasherConfig struct {
	// Concurrency is how many hashes run at a time; by default one per core
	// the process may use.
	Concurrency int
	// Queue is how many more may wait; by default 64.
	Queue int
}

// Hasher hashes and verifies passwords. It is safe for concurrent use.
//
// At most Concurrency hashes run at a time, so that a flood of sign-ins costs
// bounded processor time and memory; Queue callers wait, and the rest are
// refused with [apierr.Unavailable] at once.
type Hasher struct {
	gate        *gate
	memory      *reclaimer
	concurrency int
}

// NewHasher returns a hasher with the given bounds.
func NewHasher(c HasherConfig) *Hasher {
	if c.Concurrency <= 0 {
		c.Concurrency = runtime.GOMAXPROCS(0)
	}
	if c.Queue <= 0 {
		c.Queue = defaultQueue
	}
	return &Hasher{
		gate:        newGate(c.Concurrency, c.Queue),
		memory:      &reclaimer{rest: time.Second, free: debug.FreeOSMemory},
		concurrency: c.Concurrency,
	}
}

// Memory is how many bytes hashes take at the most, the ones just done included:
// they stay until they are collected.
func (h *Hasher) Memory() int64 { return int64(2 * h.concurrency * newMemory << 10) }

// Verdict is the outcome of [Hasher.Verify].
type Verdict struct {
	// Match says whether the password is the right one.
	Match bool
	// NeedsUpgrade says that the password matches but its hash was made with
	// another algorithm or other parameters than new ones are. Store a new
	// hash of the password.
	NeedsUpgrade bool
}

// Hash returns the PHC string of a new argon2id hash with a random salt.
func (h *Hasher) Hash(ctx context.Context, password Secret) (string, error) {
	p := newParams()
	p.salt = make([]byte, newSalt)
	_, _ = rand.Read(p.salt) // never fails: it ends the program instead
	if err := h.run(ctx, func() { p.key = p.derive(password, newKey) }); err != nil {
		return "", err
	}
	return p.String(), nil
}

// Verify compares a password with a stored hash: argon2id, argon2i, or bcrypt
// with the prefix $2a$, $2b$ or $2y$. A hash of any other form or of hostile
// cost is refused with [ErrUnsupportedHash] before any work is done.
func (h *Hasher) Verify(ctx context.Context, hash string, password Secret) (Verdict, error) {
	if p, ok := parseArgon2(hash); ok {
		var match bool
		err := h.run(ctx, func() {
			match = subtle.ConstantTimeCompare(p.derive(password, len(p.key)), p.key) == 1
		})
		return Verdict{Match: match, NeedsUpgrade: match && !p.current()}, err
	}
	if ValidateBcryptHash(hash) == nil {
		var match bool
		err := h.run(ctx, func() {
			match = bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
		})
		return Verdict{Match: match, NeedsUpgrade: match}, err
	}
	return Verdict{}, ErrUnsupportedHash
}

// VerifyDummy does the work of verifying a password against a hash of the
// current form and throws the outcome away. Call it when there is no account or
// no password, so that the time of the answer does not tell.
func (h *Hasher) VerifyDummy(ctx context.Context, password Secret) error {
	p := newParams()
	p.salt = make([]byte, newSalt)
	key := make([]byte, newKey)
	return h.run(ctx, func() { subtle.ConstantTimeCompare(p.derive(password, newKey), key) })
}

// Load tells how many hash now, how many wait to, and how many may at a time.
func (h *Hasher) Load() (working, waiting, limit int) {
	return len(h.gate.slots), int(h.gate.waiting.Load()), cap(h.gate.slots)
}

// run does work within the bounds.
func (h *Hasher) run(ctx context.Context, work func()) error {
	if err := h.gate.enter(ctx); err != nil {
		return err
	}
	h.memory.begin()
	defer func() {
		h.memory.end()
		h.gate.leave()
	}()
	work()
	return nil
}

// derive computes the argon2 key of a password.
func (p params) derive(password Secret, length int) []byte {
	if p.variant == argon2i {
		return argon2.Key([]byte(password), p.salt, p.time, p.memory, p.threads, uint32(length))
	}
	return argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.threads, uint32(length))
}
