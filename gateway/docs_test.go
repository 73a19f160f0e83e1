package gateway

import (
	"encoding/json"
	"net/http"
	"testing"
)

func TestDocs_throughEdge_areServed(t *testing.T) {
	r := newRig(t)
	document := r.do(request{path: "/openapi.json"})
	var parsed struct {
		Paths map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(document.Body.Bytes(), &parsed); err != nil {
		t.Fatal(err)
	}
	if parsed.Paths["/things/{thing_id}"] == nil || document.Header().Get("X-Hexclave-Request-Id") == "" {
		t.Errorf("%d %s", document.Code, document.Body)
	}
	again := r.do(request{path: "/openapi.json", headers: map[string]string{"-If-None-Match": document.Header().Get("ETag")}})
	if again.Code != http.StatusNotModified || again.Body.Len() > 0 || again.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("%d with %q", again.Code, again.Header().Get("Cache-Control"))
	}
	page := r.do(request{path: "/docs"})
	if page.Code != http.StatusOK || page.Header().Get("Content-Security-Policy") == "" || page.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v", page.Code, page.Header())
	}
	if slash := r.do(request{path: "/docs/"}); slash.Code != http.StatusPermanentRedirect || slash.Header().Get("Location") != "/docs" {
		t.Errorf("%d to %q", slash.Code, slash.Header().Get("Location"))
	}
}
