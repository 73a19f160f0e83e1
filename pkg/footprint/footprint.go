package footprint

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// settled is when a process that has become ready is taken to have started.
	settled = 3 * time.Second
	// interval is how often the process looks whether work has ended.
	interval = 5 * time.Second
	// quiet is how many bytes an interval without work allocates at most.
	quiet = 4 << 20
)

// Run gives back what starting took once the process has settled, and what a
// burst of work took once that is over: pages of the heap, and pages of the
// program that will hardly be read again, such as the registration of
// descriptors. Those are in the page cache and come back in microseconds if they
// are needed after all. It returns when ctx ends.
func Run(ctx context.Context) error {
	timer := time.NewTimer(settled)
	defer timer.Stop()
	w := watch{busy: true}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if w.ended(allocated()) {
			debug.FreeOSMemory()
			// On systems where it cannot be done nothing is lost.
			_ = dropProgram()
			w.last = allocated()
		}
		timer.Reset(interval)
	}
}

// watch notices when work has ended.
type watch struct {
	last uint64
	busy bool
}

// ended reports, from the bytes that were allocated until now, that there was
// work since it last did so and that there is none at the moment. The first time
// starting is the work, and it has ended.
func (w *watch) ended(allocated uint64) bool {
	first, working := w.last == 0, allocated-w.last > quiet
	w.last = allocated
	if working && !first {
		w.busy = true
		return false
	}
	ended := w.busy
	w.busy = false
	return ended
}

// allocated is how many bytes the process has ever allocated.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
