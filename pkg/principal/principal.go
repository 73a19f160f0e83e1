package principal

import (
	"context"
	"errors"
)

// Access is the access type the caller declared and proved with a key or an
// admin access token. Access types are not ordered: an operation lists those
// it accepts.
type Access string

// Access types. AccessNone is a request without project headers; it names no
// project and no user.
const (
	AccessNone   Access = ""
	AccessClient Access = "client"
	AccessServer Access = "server"
	AccessAdmin  Access = "admin"
)

// Valid reports whether a is one of the four access types.
func (a Access) Valid() bool {
	switch a {
	case AccessNone, AccessClient, AccessServer, AccessAdmin:
		return true
	}
	return false
}

// Trusted reports whether the caller is a customer's backend or an operator,
// who may see and set the fields that clients may not.
func (a Access) Trusted() bool { return a == AccessServer || a == AccessAdmin }

// Principal says who is calling. It is comparable and holds no secret.
type Principal struct {
	// ProjectID and BranchID name the tenant; empty for AccessNone.
	ProjectID, BranchID string
	Access              Access
	// UserID and SessionID name the signed-in user; empty when there is none.
	// A user may accompany any access type except AccessNone.
	UserID, SessionID string
	// Anonymous and Restricted repeat what the user's access token claims, not
	// the user's present state.
	Anonymous, Restricted bool
	// RestrictedReason is "anonymous", "email_not_verified" or
	// "restricted_by_administrator" for a restricted user, else empty.
	RestrictedReason string
	// ConfigVersion is the version of the project's configuration the gateway
	// saw; caches of rendered configuration are keyed by it.
	ConfigVersion int64
	// AdminUserID is the operator behind an admin access token, else empty.
	AdminUserID string
	// Backend is the name of the operator's own backend that called with a
	// service credential instead of through the gateway, else empty. Tokens do
	// not carry it.
	Backend string
}

// SignedIn reports whether the request has a current user.
func (p Principal) SignedIn() bool { return p.UserID != "" }

// check refuses principals that no request can have. It runs when signing and
// when verifying, so that a bug at the edge cannot become access here.
func (p Principal) check() error {
	switch {
	case !p.Access.Valid():
		return errors.New("unknown access type")
	case p.Access == AccessNone && (p.ProjectID != "" || p.BranchID != "" || p.UserID != "" || p.AdminUserID != ""):
		return errors.New("unauthenticated principal names a project or a user")
	case p.Access != AccessNone && (p.ProjectID == "" || p.BranchID == ""):
		return errors.New("principal without project or branch")
	case p.UserID == "" && (p.SessionID != "" || p.Anonymous || p.Restricted):
		return errors.New("principal with a session but no user")
	}
	return nil
}

type (
	principalKey struct{}
	callerKey    struct{}
)

type carried struct {
	principal Principal
	token     string
}

// NewContext returns a context that carries p.
func NewContext(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, carried{principal: p})
}

// NewVerifiedContext returns a context that carries p and the token that
// proved it, so that a call to another service can forward the proof.
func NewVerifiedContext(ctx context.Context, p Principal, token string) context.Context {
	return context.WithValue(ctx, principalKey{}, carried{principal: p, token: token})
}

// FromContext returns the principal of the request. ok is false outside a
// request and in internal calls.
func FromContext(ctx context.Context) (p Principal, ok bool) {
	c, ok := ctx.Value(principalKey{}).(carried)
	return c.principal, ok
}

// TokenFromContext returns the token that proved the principal in ctx, or "".
func TokenFromContext(ctx context.Context) string {
	c, _ := ctx.Value(principalKey{}).(carried)
	return c.token
}

// Origin says which of the operator's own backends is behind a call between
// services, and for whom it calls. Such a call carries no principal, because a
// credential proves nothing to anybody but the service it was shown to. Origins
// are for audit; no access is ever decided from them.
type Origin struct{ Backend, UserID string }

type originKey struct{}

// NewOriginContext returns a context that carries o.
func NewOriginContext(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginFromContext returns the backend behind the request, whether it called
// this service or one before it; the zero value when there is none.
func OriginFromContext(ctx context.Context) Origin {
	if p, ok := FromContext(ctx); ok {
		return Origin{Backend: p.Backend, UserID: p.UserID}.orNone()
	}
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// orNone drops the user of a call that no backend is behind.
func (o Origin) orNone() Origin {
	if o.Backend == "" {
		return Origin{}
	}
	return o
}

// NewCallerContext returns a context that carries the name of the service
// whose caller token was verified.
func NewCallerContext(ctx context.Context, service string) context.Context {
	return context.WithValue(ctx, callerKey{}, service)
}

// CallerFromContext returns the verified name of the calling service, or "".
func CallerFromContext(ctx context.Context) string {
	s, _ := ctx.Value(callerKey{}).(string)
	return s
}
