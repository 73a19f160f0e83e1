package gateway

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"vestibule.dev/gateway/internal/transcode"
	"vestibule.dev/pkg/principal"
)

// spoofed are names by which a caller might try to be somebody else, to come
// from elsewhere, to have more time or to reach another method.
var spoofed = []string{
	principal.MetadataPrincipal, principal.MetadataCaller, principal.MetadataRequestID, principal.MetadataClientIP,
	principal.MetadataCountry, principal.MetadataRegion, principal.MetadataCity, principal.MetadataLatitude,
	principal.MetadataLongitude, principal.MetadataTimezone, principal.MetadataUserAgent, principal.MetadataRefreshToken,
	"vestibule-http-status", "vestibule-project-changed", "Vestibule-Principal-Bin", "VESTIBULE-PRINCIPAL", "vestibule_principal",
	"grpc-metadata-vestibule-principal", "Grpc-Metadata-vestibule-caller", "grpc-metadata-vestibule-client-ip",
	"grpc-metadata-authorization", "grpc-metadata-x-forwarded-for", "grpc-metadata-grpc-timeout", "Grpc-Metadata-X-Bin",
	"grpcgateway-authorization", "grpcgateway-cookie", "grpcgateway-host", "grpcgateway-user-agent", "grpcgateway-vestibule-principal",
	"grpc-timeout", "grpc-encoding", "grpc-accept-encoding", "grpc-status", "grpc-message", "grpc-trace-bin", "grpc-tags-bin", "grpc-previous-rpc-attempts",
	"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-forwarded-prefix", "forwarded", "x-real-ip", "x-client-ip",
	"x-cluster-client-ip", "x-original-forwarded-for", "true-client-ip", "cf-connecting-ip", "cf-ipcountry", "x-vercel-forwarded-for",
	"x-vercel-ip-country", "x-vercel-ip-city", "fastly-client-ip", "via",
	"authorization", "proxy-authorization", "cookie", "x-stack-auth", "x-hexclave-auth",
	"x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url",
	"te", "trailer", "upgrade", "traceparent", "tracestate", "baggage", "x-request-id", "x-stack-request-id", "x-b3-traceid",
	"x-stack-user-id", "x-hexclave-user-id", "x-stack-tenancy-id", "x-stack-known-error", "x-stack-actual-status",
	"x_stack_project_id", "x_stack_access_type", "x-stack-project_id", "x-stack-config-version",
}

func TestServe_spoofedHeader_changesNothing(t *testing.T) {
	if len(spoofed) < 60 {
		t.Fatalf("only %d names", len(spoofed))
	}
	r := newRig(t)
	routes := []request{
		{headers: client("Access-Token", r.token())},
		{path: "/api/v1/things/x", headers: server()},
		{path: "/api/v1/things?limit=1", headers: admin()},
		{method: "POST", path: "/api/v1/things", body: `{"name":"a"}`, headers: client()},
		{method: "PATCH", path: "/api/v1/things/" + userA, body: `{"name":"a"}`, headers: server()},
	}
	// seen is all a service can tell apart, without what differs by nature.
	type seen struct {
		status   int
		method   string
		who      principal.Principal
		metadata string
		body     string
	}
	look := func(q request, values []string, name string) seen {
		req := httptest.NewRequest(orGet(q.method), orDefault(q.path), strings.NewReader(q.body))
		req.RemoteAddr = "198.51.100.7:1234"
		for n, v := range q.headers {
			req.Header.Set("X-Hexclave-"+n, v)
		}
		if q.body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		if name != "" {
			req.Header[name] = values
			req.Header[http.CanonicalHeaderKey(name)] = values
		}
		w := httptest.NewRecorder()
		r.gateway.ServeHTTP(w, req)
		// What is left of it when the service looks depends on the machine.
		if d := r.things.deadline; d <= transcode.Timeout/2 || d > transcode.Timeout {
			t.Errorf("%s: a deadline of %v", name, d)
		}
		md := maps.Clone(r.things.metadata)
		for _, n := range []string{principal.MetadataRequestID, principal.MetadataPrincipal, "traceparent"} {
			if len(md[n]) > 1 {
				t.Errorf("%s: %d values of %s", name, len(md[n]), n)
			}
			delete(md, n)
		}
		var lines []string
		for n, v := range md {
			lines = append(lines, n+"="+strings.Join(v, ","))
		}
		slices.Sort(lines)
		return seen{w.Code, r.things.method, r.called(), strings.Join(lines, "\n"), w.Body.String()}
	}
	for _, q := range routes {
		want := look(q, nil, "")
		if want.status >= 300 {
			t.Fatalf("%s %s: %d %s", q.method, q.path, want.status, want.body)
		}
		if !strings.Contains(want.metadata, principal.MetadataClientIP+"=198.51.100.7") {
			t.Fatalf("no client address in %s", want.metadata)
		}
		for _, name := range spoofed {
			for _, values := range [][]string{{"203.0.113.9"}, {"1n"}, {"DELETE", "client"}} {
				if got := look(q, values, name); got != want {
					t.Errorf("%s: %v on %s %s:\n%+v\nwant\n%+v", name, values, q.method, q.path, got, want)
				}
			}
		}
	}
}

func orGet(method string) string {
	if method == "" {
		return http.MethodGet
	}
	return method
}

func orDefault(path string) string {
	if path == "" {
		return "/api/v1/things/me"
	}
	return path
}

func TestServe_repeatedCredential_matchesNothing(t *testing.T) {
	r := newRig(t)
	for _, tt := range []struct{ name, code string }{
		{"Access-Type", "INVALID_ACCESS_TYPE"},
		{"Project-Id", "CURRENT_PROJECT_NOT_FOUND"},
		{"Secret-Server-Key", "INVALID_SECRET_SERVER_KEY"},
	} {
		req := httptest.NewRequest("GET", "/api/v1/things/me", nil)
		for n, v := range server() {
			req.Header.Set("X-Stack-"+n, v)
		}
		req.Header.Add("X-Stack-"+tt.name, server()[tt.name])
		w := httptest.NewRecorder()
		r.gateway.ServeHTTP(w, req)
		if got := code(t, w); got != tt.code {
			t.Errorf("%s twice: %d %s", tt.name, w.Code, got)
		}
	}
}

// Who announces a long body and sends none holds nothing up.
func TestServe_slowLargeBodies_leaveRoomForOthers(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	var slow sync.WaitGroup
	var stuck sync.WaitGroup
	for range 20 {
		stuck.Add(1)
		slow.Go(func() {
			body := io.MultiReader(strings.NewReader(`{"name":"`), &dripping{ctx: ctx, reached: stuck.Done})
			req := httptest.NewRequest("POST", "/api/v1/things", io.NopCloser(body)).WithContext(ctx)
			req.ContentLength = 8 << 20
			req.Header.Set("Content-Type", "application/json")
			r.gateway.ServeHTTP(httptest.NewRecorder(), req)
		})
	}
	stuck.Wait()
	body := `{"name":"` + strings.Repeat("x", 100_000) + `"}`
	if w := r.do(request{method: "POST", path: "/api/v1/things", body: body, headers: server()}); w.Code >= 500 {
		t.Errorf("%d %.200s", w.Code, w.Body)
	}
	cancel()
	slow.Wait()
}

// dripping sends nothing until it is given up.
type dripping struct {
	ctx     context.Context
	reached func()
	once    sync.Once
}

func (d *dripping) Read([]byte) (int, error) {
	d.once.Do(d.reached)
	<-d.ctx.Done()
	return 0, d.ctx.Err()
}

func TestServe_oddBodies_never5xx(t *testing.T) {
	r := newRig(t)
	for _, body := range []string{
		strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		`{"name":"\ud800"}`, `{"name":"\u0000"}`, `{"name":-0,"count":-0}`, `{"name":"a","count":1e999}`, `{"name":"a","metadata":1e999}`,
		`{"name":"a","big":1e18}`, `{"name":"a","metadata":{"":{"":{"":[]}}}}`, `{"name":"a","scores":{"":0,"__proto__":1}}`,
		`{"name":"a","metadata":{"@type":"x","a.b":1}}`, `{"name":"a","config":{"a":"\u2028"}}`, "null", "true", `"x"`, "0", "[]", "{} ", "{}{}",
		`{"name":"` + strings.Repeat("x", 1<<20) + `"}`, "{\"name\":\"\xff\"}", `{"name":NaN}`,
	} {
		for _, q := range []request{
			{method: "POST", path: "/api/v1/things"},
			{method: "PATCH", path: "/api/v1/things/" + userA},
			{method: "DELETE", path: "/api/v1/things/" + userA},
		} {
			q.body, q.headers = body, server()
			if w := r.do(q); w.Code >= 500 {
				t.Errorf("%s %.60s: %d %s", q.method, body, w.Code, w.Body)
			}
		}
	}
	for _, path := range []string{
		"/api/v1/things?" + strings.Repeat("a=1&", 3000), "/api/v1/things?%zz=%", "/api/v1/things?limit=%00", "/api/v1/things/%00",
		"/api/v1/things?" + strings.Repeat("x", 20_000), "/api/v1/things?a[b]=1&a.b=2", "/api/v1/things?limit=NaN&since=Infinity",
	} {
		if w := r.do(request{path: path, headers: server()}); w.Code >= 500 {
			t.Errorf("%.60s: %d %s", path, w.Code, w.Body)
		}
	}
}
