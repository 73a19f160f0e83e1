package docs

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"vestibule.dev/gateway/internal/routes"
	policyv1 "vestibule.dev/proto/policy/v1"
)

// teapot stands for the API behind the documentation.
var teapot = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })

func handler(t testing.TB, api http.Handler) *Handler {
	t.Helper()
	h, err := New(Config{
		Routes: served(t), Origin: "https://api.example.com", Version: "test", Log: slog.New(slog.DiscardHandler),
	}, api)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestServe_paths(t *testing.T) {
	h := handler(t, teapot)
	for _, tt := range []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "/openapi.json", 200, typeJSON},
		{"HEAD", "/openapi.json", 200, typeJSON},
		{"POST", "/openapi.json", 405, ""},
		{"GET", "/docs", 200, typeHTML},
		{"HEAD", "/docs", 200, typeHTML},
		{"DELETE", "/docs", 405, ""},
		{"GET", "/docs/viewer.js", 200, typeJavaScript},
		{"GET", "/docs/viewer.css", 200, typeCSS},
		{"GET", "/docs/swagger-ui.css", 200, typeCSS},
		{"GET", "/docs/swagger-ui-bundle.js", 200, typeJavaScript},
		{"GET", "/docs/README.md", 418, ""},
		{"GET", "/docs/../docs/viewer.js", 418, ""},
		{"GET", "/api/v1/users/me", 418, ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.status || w.Header().Get("Content-Type") != tt.contentType {
			t.Errorf("%s %s: %d %q, want %d %q", tt.method, tt.path, w.Code, w.Header().Get("Content-Type"), tt.status, tt.contentType)
		}
		if tt.method == http.MethodHead && w.Body.Len() > 0 {
			t.Errorf("%s %s has a body", tt.method, tt.path)
		}
	}
}

func TestServe_encodings_sameContent(t *testing.T) {
	h := handler(t, teapot)
	for _, path := range []string{"/openapi.json", "/docs/swagger-ui.css"} {
		packed := get(h, path, "Accept-Encoding", "br, gzip;q=0.8")
		if packed.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s is not compressed for those who take it", path)
		}
		reader, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, accept := range []string{"", "br", "gzip;q=0", "gzip; q=0.0"} {
			plain := get(h, path, "Accept-Encoding", accept)
			if plain.Header().Get("Content-Encoding") != "" || plain.Body.String() != string(unpacked) {
				t.Errorf("%s with Accept-Encoding %q differs", path, accept)
			}
		}
	}
}

func TestServe_knownTag_answers304(t *testing.T) {
	h := handler(t, teapot)
	for _, path := range []string{"/openapi.json", "/docs", "/docs/swagger-ui-bundle.js"} {
		tag := get(h, path).Header().Get("ETag")
		if tag == "" {
			t.Fatalf("%s has no tag", path)
		}
		for header, status := range map[string]int{
			tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, strings.TrimPrefix(tag, "W/"): 304,
		} {
			if w := get(h, path, "If-None-Match", header); w.Code != status || status == 304 && w.Body.Len() > 0 {
				t.Errorf("%s with If-None-Match %s: %d, want %d", path, header, w.Code, status)
			}
		}
	}
	if again := get(handler(t, teapot), "/openapi.json").Header().Get("ETag"); again != get(h, "/openapi.json").Header().Get("ETag") {
		t.Error("another process describes the same API under another tag")
	}
}

func TestServe_page_loadsNothingFromElsewhere(t *testing.T) {
	h := handler(t, teapot)
	w := get(h, "/docs")
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "script-src 'self';", "style-src 'self';",
		"connect-src 'self' https://api.example.com;", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %q", policy, want)
		}
	}
	for _, loose := range []string{"unsafe-inline", "unsafe-eval", "*"} {
		if strings.Contains(policy, loose) {
			t.Errorf("the policy %q allows %q", policy, loose)
		}
	}
	page := w.Body.String()
	found := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(found) < 5 {
		t.Fatalf("the page names %d files", len(found))
	}
	for _, match := range found {
		if match[1] == "data:," {
			continue
		}
		if got := get(h, "/"+match[1]); got.Code != http.StatusOK {
			t.Errorf("%s answers %d", match[1], got.Code)
		}
	}
	if regexp.MustCompile(`<script>|<style|\son\w+=|style=`).MatchString(page) {
		t.Error("the page has inline code that its policy blocks")
	}
}

func TestServe_documentCannotBeMade_hidesWhy(t *testing.T) {
	h, err := New(Config{
		Routes: []*routes.Route{{Method: http.MethodGet, Pattern: "/api/v1/surprise", Policy: &policyv1.Method{}}},
		Log:    slog.New(slog.DiscardHandler),
	}, teapot)
	if err != nil {
		t.Fatal(err)
	}
	w := get(h, "/openapi.json")
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "surprise") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
