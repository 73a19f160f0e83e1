package routes

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	"vestibule.dev/gateway/internal/authn"
	"vestibule.dev/gateway/internal/edge"
	"vestibule.dev/gateway/internal/facts"
	"vestibule.dev/gateway/internal/transcode"
	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	policyv1 "vestibule.dev/proto/policy/v1"
)

// refreshToken is a header that only the operations naming it may hear of,
// although SDKs send it with every request.
const refreshToken = "Refresh-Token"

// Authenticator decides who a request comes from. Its errors are
// *apierr.Error.
type Authenticator interface {
	Authenticate(ctx context.Context, h http.Header) (authn.Identity, error)
}

// Limiter says whether a request may go on and, if not, when to come back.
type Limiter interface {
	// AllowExpensive counts a request that costs a password hash or a message.
	AllowExpensive(r *http.Request) (retryAfter time.Duration, ok bool)
	// AllowProject counts a request of a project.
	AllowProject(r *http.Request, projectID string) (retryAfter time.Duration, ok bool)
}

// Config is what a pipeline is made of.
type Config struct {
	Services []Service
	// Connections are the upstreams by context name.
	Connections   map[string]grpc.ClientConnInterface
	Authenticator Authenticator
	Limiter       Limiter
	// Facts is told who was refused; nil tells nobody.
	Facts          *facts.Publisher
	Bodies         *transcode.BodyReader
	ProjectChanged func(projectID string)
	Log            *slog.Logger
}

// Pipeline answers all requests that got past the edge.
type Pipeline struct {
	Config
	table Table
}

// New binds all services. It fails rather than serve an operation whose rules
// it does not know.
func New(ctx context.Context, c Config) (*Pipeline, error) {
	p := &Pipeline{Config: c}
	for _, s := range c.Services {
		cc := c.Connections[s.Context()]
		if cc == nil {
			return nil, fmt.Errorf("routes: no connection for %s", s.name)
		}
		if err := p.table.bind(ctx, s, cc); err != nil {
			return nil, err
		}
	}
	local := localRoutes()
	if payments := c.Connections["payments"]; payments != nil {
		local = append(local, stripeWebhook(payments, c.Bodies, c.Log))
	}
	for _, r := range local {
		if err := p.table.add(r); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Table returns the routes served.
func (p *Pipeline) Table() *Table { return &p.table }

// ServeHTTP is the order of protocol §5. The first step that fails answers.
func (p *Pipeline) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// 1: route.
	found := p.table.Find(r.Method, r.URL.EscapedPath())
	route := found.Route
	switch {
	case len(found.Allow) > 0:
		w.Header().Set("Allow", strings.Join(found.Allow, ", "))
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case route == nil:
		transcode.RenderError(w, notFound(r))
		return
	}
	edge.NameRoute(r.Context(), route.Pattern)
	if route.local != nil && route.Policy.GetPublic() && len(route.Policy.GetAccess()) == 0 {
		route.local(w, r, authn.Identity{})
		return
	}
	if err := p.limit(r, route); err != nil {
		transcode.RenderError(w, err)
		return
	}
	// 2: body.
	body, err := p.read(r, route)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	defer body.Release()
	// 3 to 12: who is calling.
	id, err := p.Authenticator.Authenticate(r.Context(), r.Header)
	if err != nil {
		p.Facts.AccessRefused(r.Context(), about(r, route, id), err)
		p.fail(w, r, err)
		return
	}
	p.Facts.KeyUsed(r.Context(), about(r, route, id), id.KeySetID)
	if wait, ok := p.Limiter.AllowProject(r, id.ProjectID); !ok {
		p.Facts.LimitExceeded(r.Context(), about(r, route, id), facts.LimitProject)
		transcode.RenderError(w, apierr.TooManyRequests(wait))
		return
	}
	in := &transcode.Input{
		Method: r.Method, Path: r.URL.Path,
		Params: found.Params, RawQuery: r.URL.RawQuery, Header: r.Header, Body: &body,
	}
	// 13: "me" needs a user.
	if id.UserID == "" && route.Schema.UsesMe(in) {
		transcode.RenderError(w, apierr.CannotGetOwnUserWithoutUser())
		return
	}
	// 14 and 15: access type.
	if err := allow(route.Policy, id.Access); err != nil {
		p.Facts.AccessRefused(r.Context(), about(r, route, id), err)
		transcode.RenderError(w, err)
		return
	}
	// 16: everything else about the request's shape.
	canonical, err := route.Schema.Check(in, transcode.Caller{Full: id.Access.Trusted(), UserID: id.UserID})
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if r.Method == http.MethodHead && route.Policy.GetGetHasEffects() {
		w.WriteHeader(http.StatusOK)
		return
	}
	// 17: the handler.
	if route.local != nil {
		route.local(w, r, id)
		return
	}
	transcode.Forward(callContext(r, route, id), route.handle, w, route.Method, canonical, &transcode.Call{
		Method: in.Method, Path: in.Path,
		SuccessStatus:  int(route.Policy.GetSuccessStatus()),
		HTML:           transcode.WantsHTML(r.Header),
		ProjectChanged: p.ProjectChanged,
		Log:            p.Log,
	})
}

// read decodes the body. A form with parts, in which mail programs send the one
// click of RFC 8058, is a body like none where none is read.
func (p *Pipeline) read(r *http.Request, route *Route) (transcode.Body, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") && route.Schema != nil && !route.Schema.ReadsBody() {
		return transcode.Body{}, nil
	}
	return p.Bodies.Read(r)
}

func (p *Pipeline) limit(r *http.Request, route *Route) error {
	if route.Policy.GetRate() != policyv1.Rate_RATE_EXPENSIVE {
		return nil
	}
	if wait, ok := p.Limiter.AllowExpensive(r); !ok {
		p.Facts.LimitExceeded(r.Context(), about(r, route, authn.Identity{}), facts.LimitExpensive)
		return apierr.TooManyRequests(wait)
	}
	return nil
}

// about is what facts tell of a request.
func about(r *http.Request, route *Route, id authn.Identity) facts.Request {
	return facts.Request{Method: r.Method, Route: route.Pattern, Caller: id.Principal}
}

// accessTypes are the wire names of the access types.
var accessTypes = map[policyv1.Access]principal.Access{
	policyv1.Access_ACCESS_CLIENT: principal.AccessClient,
	policyv1.Access_ACCESS_SERVER: principal.AccessServer,
	policyv1.Access_ACCESS_ADMIN:  principal.AccessAdmin,
}

func allow(policy *policyv1.Method, access principal.Access) error {
	if access == principal.AccessNone {
		if policy.GetPublic() {
			return nil
		}
		return apierr.AccessTypeRequired()
	}
	accepted := func(a policyv1.Access) bool { return accessTypes[a] == access }
	if slices.ContainsFunc(policy.GetAccess(), accepted) {
		return nil
	}
	names := make([]string, 0, len(policy.GetAccess()))
	for _, a := range policy.GetAccess() {
		names = append(names, string(accessTypes[a]))
	}
	return apierr.InsufficientAccessType(string(access), names...)
}

// callContext carries what the service learns besides the message; the
// connection signs and sends it.
func callContext(r *http.Request, route *Route, id authn.Identity) context.Context {
	ctx := principal.NewContext(r.Context(), id.Principal)
	if !route.Schema.Reads(refreshToken) {
		return ctx
	}
	facts := principal.RequestFromContext(ctx)
	facts.RefreshToken = secret.Secret(r.Header.Get(transcode.HTTPHeader(refreshToken)))
	return principal.NewRequestContext(ctx, facts)
}

// fail answers with an error and logs those that are not just answers.
func (p *Pipeline) fail(w http.ResponseWriter, r *http.Request, err error) {
	transcode.LogError(r.Context(), p.Log, err)
	transcode.RenderError(w, err)
}

// notFound names the URL, shortened, because it may be anything.
func notFound(r *http.Request) error {
	const longest = 200
	url := r.URL.EscapedPath()
	if len(url) > longest {
		url = url[:longest] + "…"
	}
	return apierr.Text(http.StatusNotFound, "There is nothing at "+r.Method+" "+url+".")
}
