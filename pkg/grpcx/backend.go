package grpcx

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/rate"
	policyv1 "vestibule.dev/proto/policy/v1"
)

// Backends says how the operator's own backends prove who they are, and what
// they may do.
type Backends struct {
	// Verifier checks service credentials. Without it tokens are refused.
	Verifier *principal.CredentialVerifier
	// Certified are the scopes of backends that come with a client
	// certificate, by name.
	Certified map[string][]principal.Scope
	// LookUp finds the project a backend calls for. Without it no backend is
	// let in.
	LookUp ProjectLookup
	// Rate bounds the calls of each backend, so that none takes the place of
	// all others. The zero value does not.
	Rate rate.Rate
}

// Project is what has to be known of a project before a call for it is let in.
type Project struct {
	ConfigVersion int64
	Branches      []string
}

// ProjectLookup finds a project; nil when there is none of that id. Its errors
// are *apierr.Error.
type ProjectLookup func(ctx context.Context, projectID string) (*Project, error)

// backendRates are the buckets of the backends that have called, by name. The
// operator has named them all, so they are few.
type backendRates struct {
	buckets sync.Map // of *rate.Bucket
	refused atomic.Int64
}

// take returns an error for a call too many.
func (r *backendRates) take(name string, limit rate.Rate) error {
	if limit.PerSecond == 0 {
		return nil
	}
	bucket, ok := r.buckets.Load(name)
	if !ok {
		bucket, _ = r.buckets.LoadOrStore(name, &rate.Bucket{})
	}
	if wait, ok := bucket.(*rate.Bucket).Take(time.Now(), limit); !ok {
		r.refused.Add(1)
		return apierr.TooManyRequests(wait)
	}
	return nil
}

// claim is what a backend has proved and what it asks for.
type claim struct {
	credential                    principal.Credential
	project, branch, access, user string
}

type claimKey struct{}

// claim returns nil when the peer is none of the operator's backends.
func (s *Server) claim(ctx context.Context, md metadata.MD) (*claim, error) {
	token, err := single(md, principal.MetadataCredential)
	if err != nil {
		return nil, err
	}
	c := &claim{}
	switch backend := s.peer(ctx).Backend; {
	case token != "" && s.cfg.Backends.Verifier == nil:
		return nil, status.Error(codes.Unauthenticated, "credentials are not accepted here")
	case token != "":
		if c.credential, err = s.cfg.Backends.Verifier.Verify(token); err != nil {
			return nil, err
		}
	case backend != "":
		c.credential = principal.Credential{Name: backend, Scopes: s.cfg.Backends.Certified[backend]}
	default:
		return nil, nil
	}
	for name, value := range map[string]*string{
		principal.MetadataProject: &c.project,
		principal.MetadataBranch:  &c.branch,
		principal.MetadataAccess:  &c.access,
		principal.MetadataUser:    &c.user,
	} {
		if *value, err = single(md, name); err != nil {
			return nil, err
		}
	}
	c.branch = cmp.Or(c.branch, "main")
	return c, nil
}

// admit turns a backend's claim into the principal of its call, or says why
// not, in the order and with the known errors of the edge (protocol §5).
func (s *Server) admit(ctx context.Context, c *claim, m *MethodPolicy) (principal.Principal, error) {
	if err := s.rates.take(c.credential.Name, s.cfg.Backends.Rate); err != nil {
		return principal.Principal{}, err
	}
	access := principal.Access(cmp.Or(c.access, string(principal.AccessServer)))
	if c.access == "" && !m.Accepts(access) {
		access = principal.AccessAdmin
	}
	level := principal.LevelServer
	switch {
	case access == principal.AccessAdmin:
		level = principal.LevelAdmin
	case access != principal.AccessServer:
		return principal.Principal{}, &refusal{code: codes.InvalidArgument, known: apierr.InvalidAccessType(c.access)}
	case m.Reads():
		level = principal.LevelRead
	}
	if c.project == "" {
		return principal.Principal{}, apierr.AccessTypeWithoutProjectID(string(access))
	}
	if !c.credential.Covers(m.context(), level, c.project) {
		s.cfg.Logger.WarnContext(ctx, "credential does not cover the call",
			"method", m.FullMethod, "backend", c.credential.Name, "credential_id", c.credential.ID, "project", c.project)
		return principal.Principal{}, &refusal{code: codes.PermissionDenied, sentence: "the credential does not cover this call"}
	}
	if c.user != "" && !ids.ValidUUID(c.user) {
		return principal.Principal{}, apierr.SchemaError("metadata." + principal.MetadataUser + " must be a valid UUID")
	}
	if s.cfg.Backends.LookUp == nil {
		return principal.Principal{}, &refusal{code: codes.Unauthenticated, sentence: "backends are not let in here"}
	}
	project, err := s.cfg.Backends.LookUp(ctx, c.project)
	switch {
	case err != nil:
		return principal.Principal{}, err
	case project == nil:
		return principal.Principal{}, apierr.CurrentProjectNotFound(c.project)
	case !slices.Contains(project.Branches, c.branch):
		return principal.Principal{}, apierr.BranchDoesNotExist(c.branch)
	case !m.Accepts(access):
		return principal.Principal{}, m.insufficient(access)
	}
	return principal.Principal{
		ProjectID:     c.project,
		BranchID:      c.branch,
		Access:        access,
		UserID:        strings.ToLower(c.user),
		ConfigVersion: project.ConfigVersion,
		Backend:       c.credential.Name,
	}, nil
}

// replaceMe puts the user's id where the request says "me", as the edge does.
func replaceMe(req any, userID string) error {
	m, ok := req.(proto.Message)
	if !ok {
		return nil // the validator says so
	}
	return replaceMeIn(m.ProtoReflect(), userID)
}

func replaceMeIn(m protoreflect.Message, userID string) (err error) {
	if m.Descriptor().ParentFile().Package() == "google.protobuf" {
		return nil // documents of the caller, as deep as they like
	}
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
		case field.Kind() == protoreflect.MessageKind && field.IsList():
			for i := range value.List().Len() {
				if err = replaceMeIn(value.List().Get(i).Message(), userID); err != nil {
					break
				}
			}
		case field.Kind() == protoreflect.MessageKind:
			err = replaceMeIn(value.Message(), userID)
		case field.Kind() == protoreflect.StringKind && !field.IsList() && value.String() == "me" && meansMe(field):
			if userID == "" {
				err = apierr.CannotGetOwnUserWithoutUser()
				break
			}
			m.Set(field, protoreflect.ValueOfString(userID))
		}
		return err == nil
	})
	return err
}

func meansMe(field protoreflect.FieldDescriptor) bool {
	policy, _ := proto.GetExtension(field.Options(), policyv1.E_Field).(*policyv1.Field)
	return policy.GetUserIdOrMe()
}
