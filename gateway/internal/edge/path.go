package edge

import (
	"net/http"
	"net/url"
	"strings"
)

// canonicalPath redirects paths with doubled or trailing slashes, for every
// method, and maps /api/latest to the version it stands for. Encoded slashes
// are data and stay.
func canonicalPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		escaped := r.URL.EscapedPath()
		if canonical := collapse(escaped); canonical != escaped {
			if r.URL.RawQuery != "" || r.URL.ForceQuery {
				canonical += "?" + r.URL.RawQuery
			}
			w.Header().Set("Location", canonical)
			w.WriteHeader(http.StatusPermanentRedirect)
			return
		}
		const latest, version = "/api/latest", "/api/v1"
		if rest, ok := strings.CutPrefix(r.URL.Path, latest); ok && (rest == "" || rest[0] == '/') {
			u := *r.URL
			u.Path = version + rest
			u.RawPath = ""
			if raw, ok := strings.CutPrefix(escaped, latest); ok {
				u.RawPath = version + raw
			} else if unescaped, err := url.PathUnescape(escaped); err != nil || unescaped != r.URL.Path {
				u.RawPath = escaped
			}
			clone := *r
			clone.URL = &u
			r = &clone
		}
		next.ServeHTTP(w, r)
	})
}

// collapse removes empty segments. Its result begins with exactly one slash,
// so it can never name another host.
func collapse(path string) string {
	if !strings.Contains(path, "//") && (len(path) <= 1 || !strings.HasSuffix(path, "/")) {
		return path
	}
	var b strings.Builder
	for s := range strings.SplitSeq(path, "/") {
		if s != "" {
			b.WriteString("/" + s)
		}
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}
