package edge

import (
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"vestibule.dev/gateway/internal/facts"
	"vestibule.dev/gateway/internal/transcode"
	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/cache"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/rate"
)

// Limits configures a limiter. Addresses of IPv6 count by /64, the smallest
// block a subscriber has.
type Limits struct {
	// PerAddress is for all requests of a client address.
	PerAddress rate.Rate
	// Expensive is for those that cost a password hash or a message.
	Expensive rate.Rate
	// PerProject is for all requests of a project.
	PerProject rate.Rate
	// LenientLoopback multiplies the limits of loopback addresses, for
	// development; 0 means no exception.
	LenientLoopback int
}

// bucketsCached bounds memory: the least used buckets are forgotten, which
// means full.
const bucketsCached = 100_000

// Limiter keeps token buckets in memory. Every gateway has its own, so limits
// across a fleet are up to so many times as high; they protect the process,
// while limits on guessing live in the services.
type Limiter struct {
	clock   clock.Clock
	limits  Limits
	buckets *cache.Cache[bucketKey, *rate.Bucket]
	refused atomic.Int64
}

type limitClass uint8

const (
	classAddress limitClass = iota
	classExpensive
	classProject
)

type bucketKey struct {
	class   limitClass
	address netip.Prefix
	project string
}

// NewLimiter returns a limiter with full buckets.
func NewLimiter(limits Limits, c clock.Clock) *Limiter {
	return &Limiter{
		clock: c, limits: limits,
		buckets: cache.New(cache.Options[bucketKey, *rate.Bucket]{MaxEntries: bucketsCached}),
	}
}

// Refused is the number of requests refused so far.
func (l *Limiter) Refused() int64 { return l.refused.Load() }

func (l *Limiter) limit(told *facts.Publisher) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if wait, ok := l.allowAddress(r, classAddress, l.limits.PerAddress); !ok {
				told.LimitExceeded(r.Context(), facts.Request{Method: r.Method}, facts.LimitAddress)
				transcode.RenderError(w, apierr.TooManyRequests(wait))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// AllowExpensive counts a request that costs a password hash or a message.
func (l *Limiter) AllowExpensive(r *http.Request) (time.Duration, bool) {
	return l.allowAddress(r, classExpensive, l.limits.Expensive)
}

// AllowProject counts a request of a project.
func (l *Limiter) AllowProject(_ *http.Request, projectID string) (time.Duration, bool) {
	if projectID == "" {
		return 0, true
	}
	return l.take(bucketKey{class: classProject, project: projectID}, l.limits.PerProject)
}

func (l *Limiter) allowAddress(r *http.Request, class limitClass, limit rate.Rate) (time.Duration, bool) {
	// The zero prefix is the bucket of all clients whose address is unknown.
	var block netip.Prefix
	if addr, err := netip.ParseAddr(principal.RequestFromContext(r.Context()).ClientIP); err == nil {
		addr = addr.Unmap().WithZone("")
		bits := 64
		if addr.Is4() {
			bits = 32
		}
		block, _ = addr.Prefix(bits) // the length fits the family
		if addr.IsLoopback() && l.limits.LenientLoopback > 0 {
			limit.PerSecond *= float64(l.limits.LenientLoopback)
			limit.Burst *= l.limits.LenientLoopback
		}
	}
	return l.take(bucketKey{class: class, address: block}, limit)
}

func (l *Limiter) take(key bucketKey, limit rate.Rate) (time.Duration, bool) {
	b := l.buckets.GetOrAdd(key, func() *rate.Bucket { return &rate.Bucket{} })
	wait, ok := b.Take(l.clock.Now(), limit)
	if !ok {
		l.refused.Add(1)
	}
	return wait, ok
}
