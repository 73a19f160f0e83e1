package gateway

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"vestibule.dev/pkg/principal"
)

// No header but those of the contract can reach a service, however it is
// spelled.
func FuzzServe_anyHeader_reachesNoService(f *testing.F) {
	for _, name := range spoofed {
		f.Add(name, "203.0.113.9")
	}
	f.Add("X-Stack-", "x")
	f.Add("x-hexclave-access-type", "client")
	r := newRig(f)
	own := []string{":authority", "content-type", "user-agent", "traceparent", principal.MetadataPrincipal, principal.MetadataRequestID, principal.MetadataClientIP, principal.MetadataUserAgent}
	f.Fuzz(func(t *testing.T, name, value string) {
		r.t = t
		req := httptest.NewRequest("GET", "/api/v1/things/me", nil)
		req.Header[name] = []string{value}
		req.Header[http.CanonicalHeaderKey(name)] = []string{value}
		for n, v := range client() {
			req.Header.Set("X-Hexclave-"+n, v)
		}
		calls := r.things.calls
		w := httptest.NewRecorder()
		r.gateway.ServeHTTP(w, req)
		if w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if r.things.calls == calls {
			return
		}
		if p := r.called(); p.ProjectID != projectA || p.Access != principal.AccessClient || p.UserID != "" {
			t.Errorf("%q: %q made the caller %+v", name, value, p)
		}
		for n := range r.things.metadata {
			if !strings.HasPrefix(n, "grpc-") && !slices.Contains(own, n) {
				t.Errorf("%q: %q became metadata %s", name, value, n)
			}
		}
	})
}
