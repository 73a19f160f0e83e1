package edge

import (
	"net/http"
	"strconv"
	"strings"

	"vestibule.dev/gateway/internal/transcode"
)

const (
	hexclave = "X-Hexclave-"
	stack    = "X-Stack-"
)

// unifyHeaders copies every X-Hexclave-Foo over X-Stack-Foo. From here on the
// latter is the only spelling.
func unifyHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.Header {
			if rest, ok := strings.CutPrefix(name, hexclave); ok {
				r.Header[stack+rest] = values
				delete(r.Header, name)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// overrideStatus hides 4xx behind 200 for callers that ask for it (protocol
// §6), because browsers print every 4xx to the console.
func overrideStatus(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, asked := r.Header[stack+"Override-Error-Status"]; !asked {
			next.ServeHTTP(w, r)
			return
		}
		serve(next, w, r, func(h http.Header, status int) int {
			if status < 400 || status > 499 {
				return status
			}
			for _, name := range transcode.HeadersActualStatus {
				h.Set(name, strconv.Itoa(status))
			}
			return http.StatusOK
		})
	})
}

// secure sets what browsers and caches must know, unless the answer has its
// own opinion.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "SAMEORIGIN")
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		serve(next, w, r, func(h http.Header, status int) int {
			if h.Get("Cache-Control") == "" {
				h.Set("Cache-Control", "no-store, max-age=0")
			}
			return status
		})
	})
}
