package authn

import (
	"sync"
	"time"

	"vestibule.dev/pkg/clock"
)

// Revocations remembers which sessions ended for as long as access tokens of
// theirs can still be good (reliability R25). The contract lets such tokens live
// until they expire; an installation may decide otherwise. A nil *Revocations
// remembers none.
type Revocations struct {
	memory time.Duration
	clock  clock.Clock

	mu sync.RWMutex
	// until holds by session how long it is to be remembered.
	until map[string]time.Time
	// swept is when the forgotten ones were last removed.
	swept time.Time
}

// NewRevocations returns an empty memory that lasts for that long.
func NewRevocations(memory time.Duration, c clock.Clock) *Revocations {
	return &Revocations{memory: memory, clock: c, until: map[string]time.Time{}, swept: c.Now()}
}

// End remembers that sessions ended at a moment.
func (r *Revocations) End(at time.Time, sessionIDs ...string) {
	now := r.clock.Now()
	// The clock of whoever ended them may be behind or ahead.
	until := now.Add(r.memory)
	if at.Before(now) {
		until = at.Add(r.memory)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range sessionIDs {
		r.until[id] = until
	}
	if now.Sub(r.swept) < r.memory {
		return
	}
	r.swept = now
	for id, until := range r.until {
		if !now.Before(until) {
			delete(r.until, id)
		}
	}
}

// ended reports whether a session has ended.
func (r *Revocations) ended(sessionID string) bool {
	if r == nil {
		return false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ended := r.until[sessionID]
	return ended
}
