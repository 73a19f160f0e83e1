// Package rate promises that whoever is too fast learns when to come back, at
// the cost of one number per caller.
package rate

import (
	"sync/atomic"
	"time"
)

// Rate is how fast a bucket fills and how much it holds: PerSecond tokens flow
// in, Burst fit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// PerMinute is a rate whose bucket holds ten seconds' worth, and ten tokens at
// least.
func PerMinute(n int) Rate { return Rate{PerSecond: float64(n) / 60, Burst: max(10, n/6)} }

// Bucket is a token bucket as one number, the time at which it will be full
// again (the generic cell rate algorithm). The zero value is full. It is safe
// for concurrent use.
type Bucket struct{ fullAt atomic.Int64 }

// Take takes a token, or tells how long to wait for one.
func (b *Bucket) Take(now time.Time, rate Rate) (wait time.Duration, ok bool) {
	interval := int64(float64(time.Second) / rate.PerSecond)
	room := interval * int64(rate.Burst)
	at := now.UnixNano()
	for {
		old := b.fullAt.Load()
		next := max(old, at) + interval
		if wait := next - at - room; wait > 0 {
			return time.Duration(wait), false
		}
		if b.fullAt.CompareAndSwap(old, next) {
			return 0, true
		}
	}
}
