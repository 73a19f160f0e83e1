package gateway

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	testv1 "vestibule.dev/gateway/internal/gatewaytest/v1"
	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpcx"
)

func TestServe_bothPrefixesAndSpellings_reachTheSameOperation(t *testing.T) {
	r := newRig(t)
	for _, prefix := range []string{"/api/v1", "/api/latest"} {
		for _, spelling := range []string{"-X-Hexclave-", "-x-stack-"} {
			w := r.do(request{path: prefix + "/things/a%2Fb", headers: map[string]string{
				spelling + "Access-Type": "server", spelling + "Project-Id": projectA, spelling + "Secret-Server-Key": serverKey,
			}})
			if w.Code != 200 {
				t.Fatalf("%s %s: %d %s", prefix, spelling, w.Code, w.Body)
			}
			if got := r.things.request.(*testv1.GetThingRequest).GetThingId(); got != "a/b" {
				t.Errorf("%s: an encoded slash became %q", prefix, got)
			}
		}
	}
	w := r.do(request{headers: with(client(), "-X-Stack-Project-Id", projectB, "-X-Stack-Access-Type", "nonsense")})
	if w.Code != 200 || r.called().ProjectID != projectA {
		t.Errorf("X-Hexclave did not win: %d %s", w.Code, w.Body)
	}
}

func TestServe_path_isCanonicalOrRedirected(t *testing.T) {
	r := newRig(t)
	for _, tt := range []struct{ method, path, location string }{
		{"GET", "/api/v1/", "/api/v1"},
		{"POST", "/api//v1/things?x=%2F&y", "/api/v1/things?x=%2F&y"},
		{"OPTIONS", "/api/v1/things/", "/api/v1/things"},
		{"DELETE", "/api/latest//things", "/api/latest/things"},
		{"GET", "//evil.example/", "/evil.example"},
		{"GET", "/%2F/evil.example/", "/%2F/evil.example"},
		{"GET", "///", "/"},
	} {
		req := httptest.NewRequest(tt.method, "http://localhost/", nil)
		u, err := req.URL.Parse("http://localhost" + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		req.URL, req.RequestURI = u, tt.path
		w := httptest.NewRecorder()
		r.gateway.ServeHTTP(w, req)
		if w.Code != http.StatusPermanentRedirect || w.Header().Get("Location") != tt.location {
			t.Errorf("%s %s: %d to %q, want 308 to %q", tt.method, tt.path, w.Code, w.Header().Get("Location"), tt.location)
		}
	}
	for _, path := range []string{"/api/latestx/things", "/api/v2beta1/things", "/api/v1/things/%2F/x", "/", "/api", "/api/v1/nope?token=secret"} {
		w := r.do(request{path: path})
		if w.Code != 404 || code(t, w) != "" || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	w := r.do(request{method: "PUT", path: "/api/v1/things/7"})
	if w.Code != 405 || w.Body.Len() != 0 || w.Header().Get("Allow") != "DELETE, GET, HEAD, OPTIONS, PATCH" {
		t.Errorf("405: %d %q %q", w.Code, w.Body, w.Header().Get("Allow"))
	}
	if w := r.do(request{method: "HEAD", headers: client()}); w.Code != 200 || r.things.method != "/gatewaytest.v1.ThingService/GetOwnThing" {
		t.Errorf("HEAD: %d", w.Code)
	}
}

func TestServe_cors_isOnEveryAnswerOfTheAPI(t *testing.T) {
	r := newRig(t)
	for _, q := range []request{
		{method: "OPTIONS", path: "/api/v1/things"},
		{method: "OPTIONS", path: "/api/v1/no-such-thing", headers: map[string]string{"Access-Type": "x"}},
		{headers: client()},
		{path: "/api/v1/nope"},
		{path: "/api/v1/"},
		{headers: map[string]string{"Access-Type": "x"}},
	} {
		w := r.do(q)
		h := w.Header()
		if q.method == "OPTIONS" && (w.Code != 200 || w.Body.Len() != 0) {
			t.Errorf("preflight: %d %s", w.Code, w.Body)
		}
		if h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Max-Age") != "86400" ||
			h.Get("Access-Control-Allow-Methods") != "GET, POST, PUT, PATCH, DELETE, OPTIONS" {
			t.Errorf("%s %s: %v", q.method, q.path, h)
		}
		allow, expose := strings.Split(h.Get("Access-Control-Allow-Headers"), ", "), strings.Split(h.Get("Access-Control-Expose-Headers"), ", ")
		if len(allow) != 37 || len(expose) != 7 || !slices.Contains(allow, "x-hexclave-access-token") || !slices.Contains(expose, "x-stack-actual-status") {
			t.Errorf("allowed %d, exposed %d headers", len(allow), len(expose))
		}
	}
	if w := r.do(request{path: "/health"}); w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("health: %d %v", w.Code, w.Header())
	}
}

func TestServe_everyAnswer_carriesIDAndSecurityHeaders(t *testing.T) {
	r := newRig(t)
	seen := map[string]bool{}
	for _, q := range []request{{headers: client()}, {path: "/nope"}, {path: "/api/v1/"}, {headers: with(nil, "-X-Stack-Request-Id", "mine")}} {
		h := r.do(q).Header()
		id := h.Get("X-Hexclave-Request-Id")
		if len(id) != 16 || id != h.Get("X-Stack-Request-Id") || seen[id] {
			t.Errorf("request id %q", id)
		}
		seen[id] = true
	}
	h := r.do(request{headers: client()}).Header()
	for name, want := range map[string]string{
		"Cache-Control": "no-store, max-age=0", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN",
		"Referrer-Policy": "strict-origin-when-cross-origin", "Cross-Origin-Opener-Policy": "same-origin",
	} {
		if h.Get(name) != want {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
}

func TestServe_statusOverride_hides4xxOnly(t *testing.T) {
	r := newRig(t)
	ask := func(q request) *httptest.ResponseRecorder {
		q.headers = with(q.headers, "Override-Error-Status", "")
		return r.do(q)
	}
	for _, tt := range []struct {
		name           string
		err            error
		status, actual int
	}{
		{"success", nil, 200, 0},
		{"known", apierr.UserNotFound(), 200, 404},
		{"text", apierr.Text(403, "No."), 200, 403},
		{"unavailable", apierr.Unavailable(time.Second), 503, 0},
		{"internal", apierr.Text(500, "x"), 500, 0},
	} {
		r.things.err = nil
		if tt.err != nil {
			r.things.err = grpcx.ToStatus(tt.err).Err()
		}
		w := ask(request{headers: client()})
		actual := ""
		if tt.actual != 0 {
			actual = http.StatusText(tt.actual)
		}
		if w.Code != tt.status || (w.Header().Get("X-Stack-Actual-Status") != "") != (actual != "") ||
			w.Header().Get("X-Stack-Actual-Status") != w.Header().Get("X-Hexclave-Actual-Status") {
			t.Errorf("%s: %d, actually %q", tt.name, w.Code, w.Header().Get("X-Stack-Actual-Status"))
		}
	}
	r.things.err = nil
	if w := ask(request{path: "/api/v1/"}); w.Code != 308 {
		t.Errorf("a redirect became %d", w.Code)
	}
}

func TestServe_answers_followTheContract(t *testing.T) {
	r := newRig(t)
	metadataValue, err := structpb.NewValue(map[string]any{"b": []any{1.0, nil}})
	if err != nil {
		t.Fatal(err)
	}
	r.things.answer = &testv1.Thing{Id: "t", Metadata: metadataValue, CreatedAtMillis: 1732391000123, Done: wrapperspb.Bool(true)}
	const compact = `{"id":"t","name":null,"metadata":{"b":[1,null]},"created_at_millis":1732391000123,"done":true}`
	for range 5 {
		w := r.do(request{headers: client()})
		if w.Body.String() != compact || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
			t.Fatalf("%s %s", w.Header().Get("Content-Type"), w.Body)
		}
	}
	w := r.do(request{headers: client("-Accept", "text/html,*/*")})
	if !strings.HasPrefix(w.Body.String(), "{\n  \"id\": \"t\",\n") {
		t.Errorf("not indented: %s", w.Body)
	}
	create := request{method: "POST", path: "/api/v1/things", body: `{"name":"a"}`, headers: client()}
	if w := r.do(create); w.Code != 201 {
		t.Errorf("create: %d %s", w.Code, w.Body)
	}
	r.things.header = metadata.Pairs("vestibule-http-status", "200", "vestibule-set-cookie", "a=b", "vestibule-set-cookie", "c=d",
		"x-internal", "1", "grpc-metadata-x", "1", "vestibule-principal", "1")
	w = r.do(create)
	if w.Code != 200 || len(w.Header().Values("Set-Cookie")) != 2 {
		t.Errorf("metadata: %d %v", w.Code, w.Header())
	}
	for name := range w.Header() {
		if strings.Contains(name, "Internal") || strings.HasPrefix(name, "Grpc") || strings.HasPrefix(name, "Vestibule") {
			t.Errorf("%s leaked", name)
		}
	}
	r.things.err = grpcx.ToStatus(apierr.UserNotFound()).Err()
	if w := r.do(create); w.Code != 404 || len(w.Header().Values("Set-Cookie")) != 2 {
		t.Errorf("cookies of an error: %d %v", w.Code, w.Header())
	}
	r.things.err = nil

	download := request{path: "/api/v1/things/x/raw"}
	r.things.header = metadata.Pairs("vestibule-cache-control", "public, max-age=3600")
	r.things.body = &httpbody.HttpBody{ContentType: "application/json", Data: []byte(`{"keys":[]}`)}
	w = r.do(download)
	if w.Body.String() != `{"keys":[]}` || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "public, max-age=3600" {
		t.Errorf("body: %v %s", w.Header(), w.Body)
	}
	r.things.header = metadata.Pairs("vestibule-http-status", "307", "vestibule-location", "https://x.example/?a=b")
	r.things.body = nil
	w = r.do(download)
	if w.Code != 307 || w.Header().Get("Location") != "https://x.example/?a=b" || w.Body.Len() != 0 || w.Header().Get("Content-Type") != "" {
		t.Errorf("redirect: %d %v", w.Code, w.Header())
	}
}

func TestServe_errors_areRenderedOnce(t *testing.T) {
	r := newRig(t)
	for _, tt := range []struct {
		name        string
		err         error
		status      int
		contentType string
		body        string // prefix
	}{
		{"known without details", grpcx.ToStatus(apierr.UserNotFound()).Err(), 404, "application/json; charset=utf-8", "{\n  \"code\": \"USER_NOT_FOUND\",\n  \"error\": \""},
		{"known with details", grpcx.ToStatus(apierr.TeamNotFound("<t>")).Err(), 404, "application/json; charset=utf-8",
			"{\n  \"code\": \"TEAM_NOT_FOUND\",\n  \"details\": {\n    \"team_id\": \"<t>\"\n  },\n  \"error\": \""},
		{"schema", grpcx.ToStatus(apierr.SchemaError("body.name: is taken")).Err(), 400, "application/json; charset=utf-8",
			"{\n  \"code\": \"SCHEMA_ERROR\",\n  \"details\": {\n    \"message\": \"The request does not match what POST /api/v1/things accepts:\\n  - body.name: is taken\"\n"},
		{"text", grpcx.ToStatus(apierr.Text(403, "Not yours.")).Err(), 403, "text/plain; charset=utf-8", "Not yours."},
		{"oauth", grpcx.ToStatus(apierr.OAuth(400, "invalid_request", "No code.")).Err(), 400, "application/json; charset=utf-8",
			"{\n  \"error\": \"invalid_request\",\n  \"error_description\": \"No code.\"\n}"},
		{"unforeseen", status.Error(codes.Internal, "pq: secret table"), 500, "text/plain; charset=utf-8", "Something went wrong on our side. Request id: "},
		{"foreign status", status.Error(codes.NotFound, "secret"), 500, "text/plain; charset=utf-8", "Something went wrong on our side. Request id: "},
		{"not up", status.Error(codes.Unavailable, "dial tcp 10.0.0.1"), 503, "text/plain; charset=utf-8", "The service is busy"},
	} {
		r.things.err = tt.err
		w := r.do(request{method: "POST", path: "/api/v1/things", body: `{"name":"a"}`, headers: client()})
		code(t, w)
		if w.Code != tt.status || w.Header().Get("Content-Type") != tt.contentType || !strings.HasPrefix(w.Body.String(), tt.body) {
			t.Errorf("%s: %d %s\n%s", tt.name, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if w.Code == 503 && w.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: no Retry-After", tt.name)
		}
		if strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "10.0.0.1") {
			t.Errorf("%s leaks: %s", tt.name, w.Body)
		}
	}
}

func TestServe_patch_maskIsWhatTheBodyNames(t *testing.T) {
	r := newRig(t)
	w := r.do(request{method: "PATCH", path: "/api/v1/things/" + userA, headers: server(),
		body: `{"name":null,"metadata":{"a":{"b":{"c":1}}},"server_metadata":null,"part":{"id":"p"}}`})
	if w.Code != 200 {
		t.Fatal(w.Body)
	}
	req := r.things.request.(*testv1.UpdateThingRequest)
	got := req.GetUpdateMask().GetPaths()
	if slices.Sort(got); !slices.Equal(got, []string{"metadata", "name", "part", "server_metadata"}) {
		t.Errorf("mask %v", got)
	}
	if req.GetThingId() != userA || req.GetThing().GetName() != nil || req.GetThing().GetPart().GetId() != "p" ||
		req.GetThing().GetMetadata().GetStructValue().GetFields()["a"] == nil || req.GetThing().GetServerMetadata() == nil {
		t.Errorf("%v", req)
	}
	for _, query := range []string{"update_mask=server_metadata", "updateMask=x", "thing.name=x", "thing_id=x", "project_id=x"} {
		w := r.do(request{method: "PATCH", path: "/api/v1/things/" + userA + "?" + query, headers: server(), body: `{}`})
		if code(t, w) != "SCHEMA_ERROR" {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

func TestServe_form_isABodyLikeAnyOther(t *testing.T) {
	r := newRig(t)
	w := r.do(request{method: "POST", path: "/api/v1/things", body: "name=a+b&count=3&flag=1&owner_id=me",
		headers: client("-Content-Type", "application/x-www-form-urlencoded;charset=UTF-8", "Access-Token", r.token())})
	if w.Code != 201 {
		t.Fatal(w.Body)
	}
	req := r.things.request.(*testv1.CreateThingRequest)
	if req.GetName() != "a b" || req.GetCount() != 3 || !req.GetFlag() || req.GetOwnerId() != userA {
		t.Errorf("%v", req)
	}
}

// Mail programs unsubscribe with one click by such a form (RFC 8058).
func TestServe_formWithParts_isReadByNobody(t *testing.T) {
	r := newRig(t)
	form := "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n"
	for path, want := range map[string]string{"/api/v1/things/touch": "", "/api/v1/things": "BODY_PARSING_ERROR"} {
		w := r.do(request{method: "POST", path: path, body: form,
			headers: client("-Content-Type", "multipart/form-data; boundary=b", "Access-Token", r.token(), "Refresh-Token", "x")})
		if got := code(t, w); got != want {
			t.Errorf("%s: %d %s, want %q", path, w.Code, w.Body, want)
		}
	}
}

func TestServe_keySetAlias_leadsToTheKeys(t *testing.T) {
	r := newRig(t)
	for path, want := range map[string]string{
		"/api/v1/projects-anonymous-users/p/.well-known/jwks.json":                        "/api/v1/projects/p/.well-known/jwks.json?include_anonymous=true",
		"/api/latest/projects-restricted-users/p%2F/.well-known/x/y?include_restricted=0": "/api/v1/projects/p%2F/.well-known/x/y?include_restricted=true",
	} {
		w := r.do(request{path: path})
		if w.Code != 307 || w.Header().Get("Location") != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Location"))
		}
	}
	if w := r.do(request{method: "POST", path: "/api/v1/check-version", body: `{"clientVersion":"x"}`}); w.Body.String() != `{"upToDate":true}` {
		t.Error(w.Body)
	}
	if w := r.do(request{method: "POST", path: "/api/v1/check-feature-support", body: `{}`}); w.Code != 200 {
		t.Error(w.Body)
	}
}

func TestServe_tooFast_is429WithRetryAfter(t *testing.T) {
	r := newRig(t, func(c *Config) { c.RatePerMinute, c.ExpensiveRatePerMinute = 60, 6 })
	expensive := request{method: "POST", path: "/api/v1/things", body: `{"name":"a"}`, headers: client()}
	served := 0
	for range 20 {
		if w := r.do(expensive); w.Code == 201 {
			served++
		}
	}
	if served != 10 {
		t.Errorf("%d expensive requests were served at once, want the burst of 10", served)
	}
	w := r.do(expensive)
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	r.clock.Advance(20 * time.Second)
	if w := r.do(expensive); w.Code != 201 {
		t.Errorf("still refused after a pause: %d", w.Code)
	}
}
