package inbox

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// holdLimit is how long an event may be worked on before the server may give it
// to somebody else as well: whoever works on it may hang.
const holdLimit = 30 * time.Second

// hand holds the messages that wait for their turn or are being handled, and
// keeps the server from delivering them again meanwhile. That way the server
// need not wait long for those that nobody has any more.
type hand struct {
	mu    sync.Mutex
	since map[jetstream.Msg]time.Time
}

func (h *hand) take(msg jetstream.Msg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.since[msg] = time.Now()
}

func (h *hand) leave(msg jetstream.Msg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.since, msg)
}

// hold tells the server now and then that the messages are worked on, until the
// returned function is called.
func (h *hand) hold(ackWait time.Duration) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(ackWait / 3)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				h.tell()
			}
		}
	}()
	return func() { close(done); <-ended }
}

func (h *hand) tell() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for msg, since := range h.since {
		if time.Since(since) < holdLimit {
			// One that is not told is delivered again, which is harmless.
			_ = msg.InProgress()
		}
	}
}
