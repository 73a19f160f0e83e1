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
	return serveWith(t, checkout.Config{}, method, target)
}

func serveWith(t *testing.T, config checkout.Config, method, target string) *http.Response {
	t.Helper()
	handler, err := checkout.New(config, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
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
		{"GET", "/purchase/assets/money.js", 200, "text/javascript; charset=utf-8"},
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

// The payment provider's script may come from one place, which the page names
// and the policy lets it use. Without a setting it is the provider's own.
func TestPage_scriptOfTheProvider(t *testing.T) {
	for _, tt := range []struct{ url, script, origin string }{
		{"", "https://js.stripe.com/v3/", "https://js.stripe.com https://*.js.stripe.com;"},
		{"http://127.0.0.1:4242/v3/?a=1&b=2", "http://127.0.0.1:4242/v3/?a=1&amp;b=2", "http://127.0.0.1:4242;"},
	} {
		res := serveWith(t, checkout.Config{StripeJSURL: tt.url}, "GET", "/purchase/x")
		policy := res.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "script-src 'self' "+tt.origin) || !strings.Contains(policy, "connect-src 'self' http") ||
			tt.url != "" && strings.Contains(policy, "stripe.com") {
			t.Errorf("with %q the policy is %q", tt.url, policy)
		}
		if html := text(t, res); !strings.Contains(html, `<meta name="stripe-js" content="`+tt.script+`">`) || strings.Contains(html, "{{") {
			t.Errorf("with %q the page does not name %s", tt.url, tt.script)
		}
	}
	if _, err := checkout.New(checkout.Config{StripeJSURL: "http://%zz"}, nil); err == nil {
		t.Error("what is no address is accepted")
	}
}

// Text of others reaches the page as text alone, and money is never a
// floating-point number: amounts are decimal text and whole cents, and nothing
// is calculated with them outside of money.js.
func TestPage_scripts(t *testing.T) {
	for name, banned := range map[string]string{
		"checkout.js": `innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|parseFloat|toFixed|Math\.|[0-9]\.[0-9]|\d\s*/\s*\d|\w \* (?:count|quantity)|count \*|\+amount\b|Number\((?:amount|price)`,
		"money.js":    `parseFloat|toFixed|Math\.|Number\((?:amount|digits|product|text)|[0-9]\.[0-9]+[^"]|innerHTML`,
	} {
		script := text(t, serve(t, "GET", "/purchase/assets/"+name))
		script = regexp.MustCompile(`(?m)^\s*(?://|/?\*).*$|\s//\s.*$`).ReplaceAllString(script, "")
		if found := regexp.MustCompile(banned).FindAllString(script, -1); len(found) > 0 {
			t.Errorf("%s uses %q", name, found)
		}
	}
}
