package edge

import (
	"log/slog"
	"net/http"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/httpx"
	"vestibule.dev/pkg/obs"
)

// Config is what the chain depends on.
type Config struct {
	Log   *slog.Logger
	Clock clock.Clock
	// Tracers makes the root span of every request.
	Tracers trace.TracerProvider
	// Locator finds the address and place of the client, as far as the
	// configured proxy vouches for them.
	Locator *httpx.Locator
	// MaxInFlight bounds the requests served at a time.
	MaxInFlight int
	// Load is kept up to date; nil if nobody looks.
	Load *Load
	// Requests measures what callers see; nil if nobody looks.
	Requests *obs.Calls
	Limiter  *Limiter
}

// Chain wraps the API in the edge. The first element is the outermost.
func Chain(c Config, api http.Handler) http.Handler {
	if c.Load == nil {
		c.Load = &Load{}
	}
	chain := []func(http.Handler) http.Handler{
		identify(c.Clock),    // request id in both spellings, so that every answer has one
		observe(c),           // access log and root span; sees what the caller sees
		secure,               // security headers, and no-store unless the answer says otherwise
		recoverPanics(c.Log), // a bug costs one request and a 500, not the process
		c.bound,              // in-flight and URL limits, before anything costs memory
		locate(c.Locator),    // client address from the trusted proxy only
		unifyHeaders,         // X-Hexclave-… over X-Stack-…, before anyone reads either
		cors,                 // headers on every answer under /api/, redirects included
		canonicalPath,        // 308 for doubled and trailing slashes; /api/latest is /api/v1
		preflight,            // OPTIONS ends here, without authentication
		overrideStatus,       // 4xx as 200 for browsers that dislike red consoles
		c.Limiter.limit,      // too fast a caller gets 429 before a body is read
	}
	for _, wrap := range slices.Backward(chain) {
		api = wrap(api)
	}
	return api
}
