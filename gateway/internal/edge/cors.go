package edge

import (
	"net/http"
	"strings"
)

// Lists of protocol §11.
var (
	corsPlain = []string{
		"content-type", "authorization", "baggage", "sentry-trace",
		"x-vercel-protection-bypass", "ngrok-skip-browser-warning", "idempotency-key",
	}
	corsPrefixed = []string{
		"project-id", "branch-id", "override-error-status", "random-nonce", "client-version",
		"disable-artificial-development-delay", "access-type", "publishable-client-key",
		"secret-server-key", "super-secret-admin-key", "admin-access-token", "refresh-token",
		"access-token", "allow-restricted-user", "allow-anonymous-user",
	}
	corsAllow  = bothSpellings(corsPlain, corsPrefixed)
	corsExpose = bothSpellings([]string{"content-type"}, []string{"actual-status", "known-error", "request-id"})
)

func bothSpellings(plain, prefixed []string) string {
	list := plain
	for _, prefix := range []string{"x-stack-", "x-hexclave-"} {
		for _, name := range prefixed {
			list = append(list, prefix+name)
		}
	}
	return strings.Join(list, ", ")
}

// cors opens the API to every origin. It needs no credentials mode: callers
// authenticate by header, never by cookie.
func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if underAPI(r) {
			h := w.Header()
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
			h.Set("Access-Control-Max-Age", "86400")
			h.Set("Access-Control-Allow-Headers", corsAllow)
			h.Set("Access-Control-Expose-Headers", corsExpose)
		}
		next.ServeHTTP(w, r)
	})
}

// preflight answers OPTIONS under /api/.
func preflight(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions && underAPI(r) {
			w.WriteHeader(http.StatusOK)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func underAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }
