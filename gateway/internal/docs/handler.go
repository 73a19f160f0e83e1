package docs

import (
	"embed"
	"log/slog"
	"net/http"
	"sync"

	"vestibule.dev/gateway/internal/asset"
	"vestibule.dev/gateway/internal/routes"
	"vestibule.dev/gateway/internal/transcode"
)

//go:embed viewer
var viewer embed.FS

const (
	typeJSON       = "application/json; charset=utf-8"
	typeHTML       = "text/html; charset=utf-8"
	typeCSS        = "text/css; charset=utf-8"
	typeText       = "text/plain; charset=utf-8"
	typeJavaScript = "text/javascript; charset=utf-8"
)

// Config is what the documentation is made of.
type Config struct {
	// Routes are the operations to describe.
	Routes []*routes.Route
	// Origin is where the API is reached from outside, such as
	// https://api.example.com.
	Origin  string
	Version string
	Log     *slog.Logger
}

// Handler serves the documentation in front of the API.
type Handler struct {
	log      *slog.Logger
	api      http.Handler
	document func() (*asset.File, error)
	files    map[string]*asset.File
	policy   string
}

// New returns a handler for the documentation that leaves all other paths to
// the API. The description is made when it is first asked for and then kept
// in compressed form.
func New(c Config, api http.Handler) (*Handler, error) {
	h := &Handler{log: c.Log, api: api, files: map[string]*asset.File{}, policy: contentSecurityPolicy(c.Origin)}
	h.document = sync.OnceValues(func() (*asset.File, error) {
		made, err := build(c.Routes, c.Origin, c.Version)
		if err != nil {
			return nil, err
		}
		text, err := encode(made)
		if err != nil {
			return nil, err
		}
		return asset.Compress(typeJSON, text)
	})
	for path, file := range map[string]struct {
		name, contentType string
		gzipped           bool
	}{
		"/docs":                      {"index.html", typeHTML, false},
		"/docs/viewer.css":           {"viewer.css", typeCSS, false},
		"/docs/viewer.js":            {"viewer.js", typeJavaScript, false},
		"/docs/swagger-ui.css":       {"swagger-ui.css.gz", typeCSS, true},
		"/docs/swagger-ui-bundle.js": {"swagger-ui-bundle.js.gz", typeJavaScript, true},
		// The script names this file as the place of its licenses.
		"/docs/swagger-ui-bundle.js.LICENSE.txt": {"swagger-ui-bundle.js.LICENSE.txt", typeText, false},
	} {
		content, err := viewer.ReadFile("viewer/" + file.name)
		if err != nil {
			return nil, err
		}
		h.files[path] = asset.New(file.contentType, content, file.gzipped)
	}
	return h, nil
}

// contentSecurityPolicy lets the page load its own files and call the API,
// here and at its public origin. Nothing inline, nothing evaluated, nobody
// else.
func contentSecurityPolicy(origin string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self' " + origin + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const document = "/openapi.json"
	file, found := h.files[r.URL.Path]
	switch {
	case !found && r.URL.Path != document:
		h.api.ServeHTTP(w, r)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Security-Policy", h.policy)
	if !found {
		var err error
		if file, err = h.document(); err != nil {
			transcode.LogError(r.Context(), h.log, err)
			transcode.RenderError(w, err)
			return
		}
		// Readers elsewhere may show the description too.
		w.Header().Set("Access-Control-Allow-Origin", "*")
	}
	// A reader that has gone away is no error of ours.
	_ = file.Serve(w, r)
}
