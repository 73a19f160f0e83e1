package footprint

import (
	"context"
	"runtime/debug"
	"time"
)

// settled is when a process that has become ready is taken to have started.
const settled = 3 * time.Second

// Run gives back, once the process has settled, what starting took: pages of the
// heap, and pages of the program that only start-up code has read, such as the
// registration of descriptors. Those are in the page cache and come back in
// microseconds if they are needed after all. It returns when ctx ends.
func Run(ctx context.Context) error {
	timer := time.NewTimer(settled)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-timer.C:
	}
	debug.FreeOSMemory()
	// On systems where it cannot be done nothing is lost.
	_ = dropProgram()
	<-ctx.Done()
	return nil
}
