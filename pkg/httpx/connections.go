package httpx

import (
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// connectionMemory is what an open connection holds: buffers of 4 KiB for
	// reading and writing, a stack, and what describes it.
	connectionMemory = 20 << 10
	// crowdStep is the number of connections that is worth a word.
	crowdStep = 256
)

// crowd tells how much memory the open connections hold. A soft memory limit
// that did not know of them would be exceeded by some thousands of idle ones, and
// the collector would run all the while.
type crowd struct {
	allow func(bytes int64)

	mu         sync.Mutex
	open, told int
}

// changed is the ConnState of an [http.Server].
func (c *crowd) changed(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		c.add(1)
	case http.StateClosed, http.StateHijacked:
		c.add(-1)
	}
}

func (c *crowd) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open += n
	// Between two steps nothing is told again and again.
	if c.open >= c.told+crowdStep || c.open < c.told-crowdStep/2 {
		c.told = c.open / crowdStep * crowdStep
		c.allow(int64(c.told) * connectionMemory)
	}
}

// spread shortens the times of each connection by a bit of its own. Connections
// that were opened together would otherwise be ended together, by thousands, and
// all requests would wait in line with them.
type spread struct{ net.Listener }

const (
	// spreadPart is how much of a time is taken away at most, of times up to
	// spreadTime.
	spreadPart = 0.25
	spreadTime = 5 * time.Second
)

// Accept implements net.Listener.
func (l spread) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return spreadConn{conn, rand.Float64() * spreadPart}, nil
}

type spreadConn struct {
	net.Conn
	part float64
}

// SetReadDeadline implements net.Conn. Times that are over or none stay.
func (c spreadConn) SetReadDeadline(t time.Time) error {
	if left := time.Until(t); left > 0 {
		t = t.Add(-time.Duration(c.part * float64(min(left, spreadTime))))
	}
	return c.Conn.SetReadDeadline(t)
}
