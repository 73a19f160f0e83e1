package secret

import (
	"sync"
	"time"
)

// reclaimer gives memory back to the operating system once the work that needed
// it has rested for a while. One argon2 run allocates 19 MiB; after a burst the
// runtime would keep the freed pages for minutes.
type reclaimer struct {
	rest time.Duration
	free func()

	mu     sync.Mutex
	active int
	timer  *time.Timer
}

func (r *reclaimer) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active++
	if r.timer != nil {
		r.timer.Stop()
	}
}

func (r *reclaimer) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active--
	if r.active == 0 {
		r.timer = time.AfterFunc(r.rest, r.free)
	}
}
