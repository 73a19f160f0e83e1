package footprint

import (
	"os"
	"runtime/debug"
)

// growth is how many percent the heap grows before it is collected. What a
// request leaves behind is small beside the fixed part of a process, so that
// collecting at every doubling takes much of a small request's processor time.
const growth = 200

// Bound sets the soft limit of the whole process in bytes. Below it the heap may
// grow to three times what is in use; towards it memory is given back sooner. The
// variables GOMEMLIMIT and GOGC win.
func Bound(limit int64) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}
