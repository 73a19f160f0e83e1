package checkout_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"vestibule.dev/gateway/internal/checkout"
)

func serve(t *testing.T, method, target string) *http.Response {
	t.Helper()
	handler, err := checkout.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(method, target, http.NoBody))
	return w.Result()
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestServeHTTP_whatIsServed(t *testing.T) {
	for _, tt := range []struct {
		method, target string
		status         int
		contentType    string
	}{
		{"GET", "/purchase/3241a285-8329-4d69-8f3d-316e08cf140c_code?return_url=https%3A%2F%2Fa.example%2F", 200, "text/html; charset=utf-8"},
		{"HEAD", "/purchase/return?payment_intent=pi_1", 200, "text/html; charset=utf-8"},
		{"GET", "/purchase/assets/checkout.css", 200, "text/css; charset=utf-8"},
		{"GET", "/purchase/assets/checkout.js", 200, "text/javascript; charset=utf-8"},
		{"POST", "/purchase/x", 405, ""},
		{"GET", "/purchase/", 418, ""},
		{"GET", "/purchase/assets/index.html", 418, ""},
		{"GET", "/api/v1", 418, ""},
	} {
		res := serve(t, tt.method, tt.target)
		if res.StatusCode != tt.status || res.Header.Get("Content-Type") != tt.contentType {
			t.Errorf("%s %s: %d %s", tt.method, tt.target, res.StatusCode, res.Header.Get("Content-Type"))
		}
	}
}

// The policy forbids what is inline, so the page must do without.
func TestPage_keepsItsOwnPolicy(t *testing.T) {
	res := serve(t, "GET", "/purchase/x")
	policy := res.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "style-src 'self';", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q has no %s", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") || res.Header.Get("Referrer-Policy") != "strict-origin" {
		t.Errorf("policy %q, referrer policy %q", policy, res.Header.Get("Referrer-Policy"))
	}
	html := text(t, res)
	if inline := regexp.MustCompile(`(?i)<script(?:\s+(?:type|defer)[^>]*)?>|<style|\sstyle=|\son[a-z]+=`).FindString(html); inline != "" {
		t.Errorf("the page has %q inline", inline)
	}
	for _, file := range regexp.MustCompile(`(?:src|href)="(/[^"]+)"`).FindAllStringSubmatch(html, -1) {
		if res := serve(t, "GET", file[1]); res.StatusCode != 200 {
			t.Errorf("the page names %s, which is answered %d", file[1], res.StatusCode)
		}
	}
}

// Text of others reaches the page as text alone.
func TestPage_makesNoMarkup(t *testing.T) {
	script := text(t, serve(t, "GET", "/purchase/assets/checkout.js"))
	if found := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|parseFloat`).FindString(script); found != "" {
		t.Errorf("the script uses %s", found)
	}
}
