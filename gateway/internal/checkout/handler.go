package checkout

import (
	"bytes"
	"embed"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"

	"vestibule.dev/gateway/internal/asset"
)

//go:embed page
var page embed.FS

// Path is where purchase URLs begin.
const Path = "/purchase/"

// StripeJSURL is where Stripe's script is. It must not be copied elsewhere.
const StripeJSURL = "https://js.stripe.com/v3/"

// Config is what the page depends on.
type Config struct {
	// StripeJSURL is where the payment provider's script is loaded from; empty
	// for its own place.
	StripeJSURL string
}

// policy lets the page load its own files, call the API beside it and show the
// payment provider's fields. Logos may be anywhere. Nothing inline, nothing
// evaluated, and no other page around it.
func policy(scriptURL string) (string, error) {
	scripts, calls := "https://js.stripe.com https://*.js.stripe.com", "https://api.stripe.com"
	frames := scripts + " https://hooks.stripe.com"
	if scriptURL != StripeJSURL {
		u, err := url.Parse(scriptURL)
		if err != nil {
			return "", err
		}
		origin := u.Scheme + "://" + u.Host
		scripts, calls, frames = origin, origin, origin
	}
	return fmt.Sprintf("default-src 'none'; script-src 'self' %s; style-src 'self'; img-src 'self' https: data:; "+
		"connect-src 'self' %s; frame-src %s; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", scripts, calls, frames), nil
}

// Handler serves the page in front of everything else.
type Handler struct {
	next   http.Handler
	policy string
	page   *asset.File
	files  map[string]*asset.File
}

// New returns a handler for the page that leaves all other paths to next.
func New(c Config, next http.Handler) (*Handler, error) {
	if c.StripeJSURL == "" {
		c.StripeJSURL = StripeJSURL
	}
	h := &Handler{next: next, files: map[string]*asset.File{}}
	read := func(name, contentType string) (*asset.File, error) {
		content, err := page.ReadFile("page/" + name)
		if err != nil {
			return nil, err
		}
		content = bytes.ReplaceAll(content, []byte("{{stripe-js}}"), []byte(html.EscapeString(c.StripeJSURL)))
		return asset.Compress(contentType, content)
	}
	var err error
	if h.policy, err = policy(c.StripeJSURL); err != nil {
		return nil, err
	}
	if h.page, err = read("index.html", "text/html; charset=utf-8"); err != nil {
		return nil, err
	}
	for name, contentType := range map[string]string{
		"checkout.css": "text/css; charset=utf-8",
		"checkout.js":  "text/javascript; charset=utf-8",
		"money.js":     "text/javascript; charset=utf-8",
	} {
		if h.files[Path+"assets/"+name], err = read(name, contentType); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// ServeHTTP implements http.Handler. The page is the same for every code; which
// codes are good it finds out itself.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file := h.files[r.URL.Path]
	if code, ok := strings.CutPrefix(r.URL.Path, Path); ok && code != "" && !strings.Contains(code, "/") {
		file = h.page
	}
	switch {
	case file == nil:
		h.next.ServeHTTP(w, r)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Security-Policy", h.policy)
	w.Header().Set("X-Frame-Options", "DENY")
	// The address holds the code.
	w.Header().Set("Referrer-Policy", "strict-origin")
	// Some ways to pay open a window of their own.
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	// A reader that has gone away is no error of ours.
	_ = file.Serve(w, r)
}
