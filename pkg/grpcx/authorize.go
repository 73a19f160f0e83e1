package grpcx

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/tenancy"
	policyv1 "vestibule.dev/proto/policy/v1"
)

// authenticate verifies the tokens a request carries. One that does not verify
// fails the request even if the method could do without it: honest peers send
// none like that.
func (s *Server) authenticate(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if exempt(info.FullMethod) {
		return next(ctx, req)
	}
	md, _ := metadata.FromIncomingContext(ctx)
	token, err := single(md, principal.MetadataPrincipal)
	if err != nil {
		return nil, s.unauthenticated(ctx, info, err)
	}
	if token != "" {
		if s.cfg.Verifier == nil {
			return nil, s.unauthenticated(ctx, info, status.Error(codes.Unauthenticated, "principals are not accepted here"))
		}
		p, err := s.cfg.Verifier.Verify(token)
		if err != nil {
			return nil, s.unauthenticated(ctx, info, err)
		}
		ctx = principal.NewVerifiedContext(ctx, p, token)
	}
	caller, err := s.caller(ctx, md)
	if err != nil {
		return nil, s.unauthenticated(ctx, info, err)
	}
	if caller != "" {
		ctx = principal.NewOriginContext(principal.NewCallerContext(ctx, caller), principal.OriginFromMetadata(md))
	}
	claimed, err := s.claim(ctx, md)
	if err == nil && claimed != nil && token != "" {
		err = status.Error(codes.Unauthenticated, "a principal and a credential")
	}
	if err != nil {
		return nil, s.unauthenticated(ctx, info, err)
	}
	if claimed != nil {
		ctx = context.WithValue(ctx, claimKey{}, claimed)
	}
	return next(ctx, req)
}

// caller returns the verified name of the calling service, or "".
func (s *Server) caller(ctx context.Context, md metadata.MD) (string, error) {
	if s.cfg.CallerVerifier == nil {
		return s.peer(ctx).Service, nil
	}
	token, err := single(md, principal.MetadataCaller)
	if token == "" || err != nil {
		return "", err
	}
	return s.cfg.CallerVerifier.Verify(token)
}

// Peer is whom a client certificate was issued to: another service, one of the
// operator's own backends, or neither.
type Peer struct{ Service, Backend string }

// peer returns whose certificate the connection was made with. The handshake
// has verified it.
func (s *Server) peer(ctx context.Context) Peer {
	p, ok := peer.FromContext(ctx)
	if !ok || s.cfg.Peers == nil {
		return Peer{}
	}
	tls, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(tls.State.PeerCertificates) == 0 {
		return Peer{}
	}
	return s.cfg.Peers(tls.State.PeerCertificates[0])
}

// single returns the only value of a name. Two are an attempt to have one
// checked and the other used.
func single(md metadata.MD, name string) (string, error) {
	switch v := md[name]; len(v) {
	case 0:
		return "", nil
	case 1:
		return v[0], nil
	default:
		return "", status.Error(codes.Unauthenticated, name+" sent more than once")
	}
}

// unauthenticated says why in the log and nothing to the peer. The status has
// no known error inside: a token that fails between processes is our fault and
// not the fault of whoever sent the request.
func (s *Server) unauthenticated(ctx context.Context, info *grpc.UnaryServerInfo, cause error) error {
	s.cfg.Logger.WarnContext(ctx, "caller not authenticated", "method", info.FullMethod, "error", cause)
	return &refusal{code: codes.Unauthenticated, sentence: "caller not authenticated"}
}

// authorize applies the method's policy.
func (s *Server) authorize(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if exempt(info.FullMethod) {
		return next(ctx, req)
	}
	m, ok := s.policies[info.FullMethod]
	if !ok { // cannot happen: the server does not serve without policies
		return nil, &refusal{code: codes.PermissionDenied, sentence: "method has no policy"}
	}
	if m.Internal() {
		switch caller := principal.CallerFromContext(ctx); {
		case caller == "":
			return nil, &refusal{code: codes.Unauthenticated, sentence: "method is internal"}
		case !slices.Contains(m.Policy.GetCallers(), caller):
			s.cfg.Logger.WarnContext(ctx, "caller not allowed", "method", info.FullMethod, "caller", caller)
			return nil, &refusal{code: codes.PermissionDenied, sentence: "method is not for this caller"}
		}
		return next(ctx, req)
	}
	if claimed, ok := ctx.Value(claimKey{}).(*claim); ok {
		p, err := s.admit(ctx, claimed, m)
		if err != nil {
			return nil, err
		}
		return next(principal.NewContext(ctx, p), req)
	}
	p, ok := principal.FromContext(ctx)
	switch {
	case !ok:
		return nil, &refusal{code: codes.Unauthenticated, sentence: "no principal"}
	case m.Accepts(p.Access):
		return next(ctx, req)
	case p.Access == principal.AccessNone:
		return nil, &refusal{code: codes.Unauthenticated, known: apierr.AccessTypeRequired()}
	}
	return nil, m.insufficient(p.Access)
}

// confine says for whom the work is: the project of the principal, or the one
// that a service names in an internal request. Principals are verified, and
// internal methods are for our own services, so nobody gets to choose.
func (s *Server) confine(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if exempt(info.FullMethod) {
		return next(ctx, req)
	}
	var project string
	if s.policies[info.FullMethod].Internal() {
		if named, ok := req.(interface{ GetProjectId() string }); ok {
			project = named.GetProjectId()
		}
	} else {
		p, _ := principal.FromContext(ctx)
		project = p.ProjectID
	}
	return next(tenancy.ForProject(ctx, project), req)
}

// validateFields reports everything that is wrong with the request at once,
// the missing user included where the policy makes it part of the schema.
func (s *Server) validateFields(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if exempt(info.FullMethod) {
		return next(ctx, req)
	}
	if _, ok := ctx.Value(claimKey{}).(*claim); ok {
		// The edge does this for everybody else.
		p, _ := principal.FromContext(ctx)
		if err := replaceMe(req, p.UserID); err != nil {
			return nil, err
		}
	}
	problems, err := s.cfg.Validator.Validate(req)
	if err != nil {
		return nil, err
	}
	if s.policies[info.FullMethod].Policy.GetUser() == policyv1.User_USER_IN_SCHEMA {
		if p, _ := principal.FromContext(ctx); !p.SignedIn() {
			problems = append(problems, "user: this endpoint needs a signed-in user")
		}
	}
	if len(problems) > 0 {
		return nil, apierr.SchemaError(problems...)
	}
	return next(ctx, req)
}

// second is the Retry-After of what is refused for lack of time or capacity.
const second = time.Second
