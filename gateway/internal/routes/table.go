package routes

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"vestibule.dev/gateway/internal/transcode"
	policyv1 "vestibule.dev/proto/policy/v1"
)

// Route is one operation: a method and a path pattern, who may call it, what
// it accepts and who answers.
type Route struct {
	Method  string
	Pattern string
	// RPC is the full name of the gRPC method, empty for operations the
	// gateway answers itself.
	RPC    string
	Policy *policyv1.Method
	// Schema is nil for operations the gateway answers itself.
	Schema *transcode.Schema

	handle runtime.HandlerFunc
	local  localHandler
	params []string
}

// Table finds the route of a request. More specific patterns win: at every
// segment a literal is preferred to a parameter, as with files and
// directories.
type Table struct {
	root   node
	routes []*Route
}

type node struct {
	literals map[string]*node
	param    *node
	// rest holds the routes that take all remaining segments.
	rest  map[string]*Route
	exact map[string]*Route
}

// add enters a route, whose policy must exist.
func (t *Table) add(r *Route) error {
	if r.Policy == nil {
		return fmt.Errorf("routes: %s %s (%s) has no policy", r.Method, r.Pattern, r.RPC)
	}
	segments, params, err := parsePattern(r.Pattern)
	if err != nil {
		return err
	}
	n := &t.root
	for _, s := range segments {
		switch {
		case s.rest:
			if n.rest == nil {
				n.rest = map[string]*Route{}
			}
		case s.param:
			if n.param == nil {
				n.param = &node{}
			}
			n = n.param
		default:
			if n.literals == nil {
				n.literals = map[string]*node{}
			}
			if n.literals[s.name] == nil {
				n.literals[s.name] = &node{}
			}
			n = n.literals[s.name]
		}
	}
	leaf := n.rest
	if leaf == nil || !segments[len(segments)-1].rest {
		if n.exact == nil {
			n.exact = map[string]*Route{}
		}
		leaf = n.exact
	}
	if other := leaf[r.Method]; other != nil {
		return fmt.Errorf("routes: %s and %s both claim %s %s", other.RPC, r.RPC, r.Method, r.Pattern)
	}
	r.params = params
	leaf[r.Method] = r
	t.routes = append(t.routes, r)
	return nil
}

// Routes lists all routes in the order of their registration.
func (t *Table) Routes() []*Route { return slices.Clone(t.routes) }

// Match is what a look-up found.
type Match struct {
	Route *Route
	// Params are the decoded path parameters.
	Params map[string]string
	// Allow lists the methods of a path that exists without the asked one.
	Allow []string
}

// Find looks up a method and an escaped path. An encoded slash is data: it
// never separates segments.
func (t *Table) Find(method, escapedPath string) Match {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	path, ok := strings.CutPrefix(escapedPath, "/")
	if !ok {
		return Match{}
	}
	var buf [16]string
	segments := buf[:0]
	for s := range strings.SplitSeq(path, "/") {
		text, err := url.PathUnescape(s)
		if err != nil {
			return Match{}
		}
		segments = append(segments, text)
	}
	var values [8]string
	leaf, params := t.root.find(segments, values[:0])
	if leaf == nil {
		return Match{}
	}
	r := leaf[method]
	if r == nil {
		return Match{Allow: allowed(leaf)}
	}
	m := Match{Route: r}
	if len(params) > 0 {
		m.Params = make(map[string]string, len(params))
		for i, name := range r.params {
			m.Params[name] = strings.ToValidUTF8(params[i], "\uFFFD")
		}
	}
	return m
}

func (n *node) find(segments, params []string) (map[string]*Route, []string) {
	if len(segments) == 0 {
		return n.exact, params
	}
	if next := n.literals[segments[0]]; next != nil {
		if leaf, values := next.find(segments[1:], params); leaf != nil {
			return leaf, values
		}
	}
	if n.param != nil && segments[0] != "" {
		if leaf, values := n.param.find(segments[1:], append(params, segments[0])); leaf != nil {
			return leaf, values
		}
	}
	if n.rest != nil {
		return n.rest, append(params, strings.Join(segments, "/"))
	}
	return nil, nil
}

func allowed(leaf map[string]*Route) []string {
	var methods []string
	for m := range leaf {
		methods = append(methods, m)
		if m == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	methods = append(methods, http.MethodOptions)
	slices.Sort(methods)
	return methods
}

type segment struct {
	name        string
	param, rest bool
}

// parsePattern reads the part of google.api.http path templates the contract
// needs: literals, {field}, and {field=**} at the end.
func parsePattern(pattern string) (segments []segment, params []string, err error) {
	path, ok := strings.CutPrefix(pattern, "/")
	if !ok {
		return nil, nil, fmt.Errorf("routes: pattern %q does not begin with a slash", pattern)
	}
	for text := range strings.SplitSeq(path, "/") {
		if len(segments) > 0 && segments[len(segments)-1].rest {
			return nil, nil, fmt.Errorf("routes: pattern %q goes on after {…=**}", pattern)
		}
		inner, isParam := strings.CutPrefix(text, "{")
		inner, closed := strings.CutSuffix(inner, "}")
		if !isParam {
			if text == "" || strings.ContainsAny(text, "{}*:") {
				return nil, nil, fmt.Errorf("routes: pattern %q has the unusable segment %q", pattern, text)
			}
			segments = append(segments, segment{name: text})
			continue
		}
		name, template, templated := strings.Cut(inner, "=")
		if !closed || name == "" || strings.ContainsAny(name, ".{}") || templated && template != "*" && template != "**" {
			return nil, nil, fmt.Errorf("routes: pattern %q has the unusable parameter %q", pattern, text)
		}
		segments = append(segments, segment{name: name, param: true, rest: template == "**"})
		params = append(params, name)
	}
	return segments, params, nil
}
