package grpcx

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
	policyv1 "vestibule.dev/proto/policy/v1"
)

// MethodPolicy is one RPC and who may call it.
type MethodPolicy struct {
	// FullMethod is the name on the wire, "/package.Service/Method".
	FullMethod string
	Descriptor protoreflect.MethodDescriptor
	Policy     *policyv1.Method

	access []principal.Access
}

// Internal reports whether the method is for other services alone.
func (m *MethodPolicy) Internal() bool { return len(m.Policy.GetCallers()) > 0 }

// Accepts reports whether the policy of a public method accepts an access type.
func (m *MethodPolicy) Accepts(a principal.Access) bool {
	if a == principal.AccessNone {
		return m.Policy.GetPublic()
	}
	return slices.Contains(m.access, a)
}

// insufficient refuses an access type that the policy does not accept.
func (m *MethodPolicy) insufficient(a principal.Access) error {
	allowed := make([]string, 0, len(m.access))
	for _, accepted := range m.access {
		allowed = append(allowed, string(accepted))
	}
	return &refusal{code: codes.PermissionDenied, known: apierr.InsufficientAccessType(string(a), allowed...)}
}

// Reads reports whether the method changes nothing that callers can see, which
// the house rules of naming tell.
func (m *MethodPolicy) Reads() bool {
	name := string(m.Descriptor.Name())
	return slices.ContainsFunc([]string{"Get", "List", "LookUp", "Check"}, func(verb string) bool {
		return strings.HasPrefix(name, verb)
	})
}

// context is the name of the method's context, which its package begins with.
func (m *MethodPolicy) context() string {
	name, _, _ := strings.Cut(string(m.Descriptor.FullName()), ".")
	return name
}

// Policies returns the policy of every registered method except those of
// health and reflection, ordered by name. The error names every method
// without a sound policy. Tests use it to call them all.
func Policies(server interface {
	GetServiceInfo() map[string]grpc.ServiceInfo
}) ([]MethodPolicy, error) {
	var (
		all  []MethodPolicy
		errs []error
	)
	for service := range server.GetServiceInfo() {
		if exempt("/" + service + "/") {
			continue
		}
		methods, err := servicePolicies(service)
		all = append(all, methods...)
		errs = append(errs, err)
	}
	slices.SortFunc(all, func(a, b MethodPolicy) int { return cmp.Compare(a.FullMethod, b.FullMethod) })
	return all, errors.Join(errs...)
}

// servicePolicies returns the methods of one service that have a sound policy,
// and an error for each of the others.
func servicePolicies(service string) ([]MethodPolicy, error) {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil, fmt.Errorf("service %s has no descriptor: %w", service, err)
	}
	sd, ok := d.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is not a service", service)
	}
	var (
		methods []MethodPolicy
		errs    []error
	)
	for i := range sd.Methods().Len() {
		m, err := methodPolicy(sd.Methods().Get(i))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		methods = append(methods, m)
	}
	return methods, errors.Join(errs...)
}

func methodPolicy(d protoreflect.MethodDescriptor) (MethodPolicy, error) {
	name := fmt.Sprintf("/%s/%s", d.Parent().FullName(), d.Name())
	if !proto.HasExtension(d.Options(), policyv1.E_Method) {
		return MethodPolicy{}, fmt.Errorf("%s has no policy", name)
	}
	policy := proto.GetExtension(d.Options(), policyv1.E_Method).(*policyv1.Method)
	public := len(policy.GetAccess()) > 0 || policy.GetPublic()
	if public == (len(policy.GetCallers()) > 0) {
		return MethodPolicy{}, fmt.Errorf("%s must be either public or internal", name)
	}
	m := MethodPolicy{FullMethod: name, Descriptor: d, Policy: policy}
	for _, a := range policy.GetAccess() {
		access, ok := accessTypes[a]
		if !ok {
			return MethodPolicy{}, fmt.Errorf("%s accepts the unknown access type %v", name, a)
		}
		m.access = append(m.access, access)
	}
	if slices.Contains(policy.GetCallers(), "") {
		return MethodPolicy{}, fmt.Errorf("%s accepts a caller without a name", name)
	}
	return m, nil
}

var accessTypes = map[policyv1.Access]principal.Access{
	policyv1.Access_ACCESS_CLIENT: principal.AccessClient,
	policyv1.Access_ACCESS_SERVER: principal.AccessServer,
	policyv1.Access_ACCESS_ADMIN:  principal.AccessAdmin,
}
