package edge

import "sync/atomic"

// Load counts how busy the edge is.
type Load struct{ inFlight, shed atomic.Int64 }

// InFlight is the number of requests served now.
func (l *Load) InFlight() int64 { return l.inFlight.Load() }

// Shed is the number of requests refused so far because too many were served.
func (l *Load) Shed() int64 { return l.shed.Load() }
