package edge

import (
	"errors"
	"net/http"
	"net/netip"
	"time"

	"vestibule.dev/gateway/internal/transcode"
	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
)

// maxURL bounds the request target, in bytes. Headers are bounded by the
// server, bodies where they are decoded.
const maxURL = 16 << 10

var errPanic = errors.New("edge: panic")

// bound refuses what would cost too much: one request too many at a time, or
// a URL longer than any operation needs.
func bound(inFlight int) func(http.Handler) http.Handler {
	slots := make(chan struct{}, inFlight)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if len(r.RequestURI) > maxURL {
				transcode.RenderError(w, apierr.Text(http.StatusRequestURITooLong, "The URL is too long."))
				return
			}
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
				next.ServeHTTP(w, r)
			default:
				transcode.RenderError(w, apierr.Unavailable(time.Second))
			}
		})
	}
}

// locate adds where the request comes from to what is known about it.
func locate(find func(*http.Request) principal.Request) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			facts := find(r)
			facts.ID = principal.RequestFromContext(r.Context()).ID
			facts.UserAgent = r.UserAgent()
			next.ServeHTTP(w, r.WithContext(principal.NewRequestContext(r.Context(), facts)))
		})
	}
}

// Peer believes nothing but the connection itself.
func Peer(r *http.Request) principal.Request {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return principal.Request{}
	}
	return principal.Request{ClientIP: addr.Addr().Unmap().String()}
}
