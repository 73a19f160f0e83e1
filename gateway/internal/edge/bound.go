package edge

import (
	"errors"
	"net/http"
	"time"

	"vestibule.dev/gateway/internal/transcode"
	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/httpx"
	"vestibule.dev/pkg/principal"
)

// maxURL bounds the request target, in bytes. Headers are bounded by the
// server, bodies where they are decoded.
const maxURL = 16 << 10

var errPanic = errors.New("edge: panic")

// bound refuses what would cost too much: one request too many at a time, or
// a URL longer than any operation needs.
func (c Config) bound(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) > maxURL {
			transcode.RenderError(w, apierr.Text(http.StatusRequestURITooLong, "The URL is too long."))
			return
		}
		defer c.Load.inFlight.Add(-1)
		if c.Load.inFlight.Add(1) > int64(c.MaxInFlight) {
			c.Load.shed.Add(1)
			transcode.RenderError(w, apierr.Unavailable(time.Second))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// locate adds where the request comes from to what is known about it.
func locate(l *httpx.Locator) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			facts := principal.RequestFromContext(r.Context())
			l.Locate(r, &facts)
			facts.UserAgent = r.UserAgent()
			next.ServeHTTP(w, r.WithContext(principal.NewRequestContext(r.Context(), facts)))
		})
	}
}
