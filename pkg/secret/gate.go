package secret

import (
	"context"
	"sync/atomic"
	"time"

	"vestibule.dev/pkg/apierr"
)

// busyRetryAfter is what callers are told when the queue is full: about as long
// as a full queue takes to drain.
const busyRetryAfter = time.Second

// gate lets a fixed number of callers work at a time, a fixed number wait in
// order of arrival, and refuses the rest at once.
type gate struct {
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64
}

func newGate(concurrency, queue int) *gate {
	return &gate{slots: make(chan struct{}, concurrency), queue: int64(queue)}
}

// enter waits for a slot. Every error is an [apierr.Unavailable].
func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return apierr.Unavailable(busyRetryAfter).WithCause(err)
	}
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	if g.waiting.Add(1) > g.queue {
		g.waiting.Add(-1)
		return apierr.Unavailable(busyRetryAfter)
	}
	defer g.waiting.Add(-1)
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return apierr.Unavailable(busyRetryAfter).WithCause(ctx.Err())
	}
}

func (g *gate) leave() { <-g.slots }
