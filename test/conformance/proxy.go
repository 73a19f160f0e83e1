package conformance

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Proxy stands between clients and the system and holds every response that
// passes against the contract.
type Proxy struct {
	contract *Contract
	reverse  *httputil.ReverseProxy

	mu         sync.Mutex
	violations []string
	covered    map[string]int
}

// NewProxy returns a proxy to the system at target, an origin such as
// http://127.0.0.1:8102.
func NewProxy(contract *Contract, target string) (*Proxy, error) {
	origin, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	p := &Proxy{contract: contract, covered: map[string]int{}}
	p.reverse = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(origin)
			r.Out.Host = origin.Host
		},
		ModifyResponse: p.inspect,
		// The system ends connections that are idle for a minute. A request
		// must not meet that end.
		Transport: &http.Transport{IdleConnTimeout: 20 * time.Second},
	}
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.reverse.ServeHTTP(w, r) }

// Violations lists what was wrong with the responses so far.
func (p *Proxy) Violations() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.violations)
}

// Covered counts the successful responses per operation of the contract.
func (p *Proxy) Covered() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.covered)
}

func (p *Proxy) inspect(response *http.Response) error {
	request := response.Request
	path, isAPI := apiPath(request.URL.EscapedPath())
	if !isAPI || request.Method == http.MethodOptions {
		return nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))

	checkErr := p.contract.Check(request.Method, path, response.StatusCode, response.Header, body)
	name, documented := p.contract.Find(request.Method, path)
	p.mu.Lock()
	defer p.mu.Unlock()
	if checkErr != nil {
		p.violations = append(p.violations, fmt.Sprintf("%s %s: %v", request.Method, path, checkErr))
	}
	if documented && response.StatusCode < 400 && response.Header.Get("X-Stack-Known-Error") == "" {
		p.covered[name]++
	}
	return nil
}

// apiPath cuts the API's base from a path.
func apiPath(path string) (string, bool) {
	for _, base := range []string{"/api/v1", "/api/latest"} {
		if rest, ok := strings.CutPrefix(path, base); ok && (rest == "" || rest[0] == '/') {
			return rest, true
		}
	}
	return "", false
}
