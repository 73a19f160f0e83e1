package routes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"vestibule.dev/gateway/internal/transcode"
	policyv1 "vestibule.dev/proto/policy/v1"
)

// Service is a public gRPC service and the generated code that serves it.
type Service struct {
	name     protoreflect.FullName
	register func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error
}

// NewService joins the two functions that are generated for every service.
func NewService[C any](
	desc grpc.ServiceDesc,
	client func(grpc.ClientConnInterface) C,
	register func(context.Context, *runtime.ServeMux, C) error,
) Service {
	return Service{
		name: protoreflect.FullName(desc.ServiceName),
		register: func(ctx context.Context, mux *runtime.ServeMux, cc grpc.ClientConnInterface) error {
			return register(ctx, mux, client(cc))
		},
	}
}

// Context is the first part of the service's name: the context that serves it.
func (s Service) Context() string {
	context, _, _ := strings.Cut(string(s.name), ".")
	return context
}

// bind enters all routes of a service. It fails when a method has no policy,
// when its messages hold something the walker could not check, or when the
// generated handlers do not do what the descriptor says.
func (t *Table) bind(ctx context.Context, s Service, cc grpc.ClientConnInterface) error {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(s.name)
	if err != nil {
		return fmt.Errorf("routes: %s: %w", s.name, err)
	}
	service, ok := found.(protoreflect.ServiceDescriptor)
	if !ok {
		return fmt.Errorf("routes: %s is not a service", s.name)
	}
	routes, err := routesOf(service)
	if err != nil {
		return err
	}
	probe := &recorder{}
	probed, err := handlers(ctx, s, probe)
	if err != nil {
		return err
	}
	real, err := handlers(ctx, s, cc)
	if err != nil {
		return err
	}
	if len(probed) != len(routes) || len(real) != len(routes) {
		return fmt.Errorf("routes: %s has %d HTTP rules but %d generated handlers", s.name, len(routes), len(real))
	}
	for i, r := range routes {
		if called := probe.run(ctx, r, probed[i]); called != r.RPC {
			return fmt.Errorf("routes: the generated handler of %s calls %q", r.RPC, called)
		}
		r.handle = real[i]
		if err := t.add(r); err != nil {
			return err
		}
	}
	return nil
}

// handlers collects the generated handlers, which register in the order of
// the methods and their HTTP rules.
func handlers(ctx context.Context, s Service, cc grpc.ClientConnInterface) ([]runtime.HandlerFunc, error) {
	var list []runtime.HandlerFunc
	mux := transcode.NewMux(func(h runtime.HandlerFunc) { list = append(list, h) })
	if err := s.register(ctx, mux, cc); err != nil {
		return nil, fmt.Errorf("routes: register %s: %w", s.name, err)
	}
	return list, nil
}

// routesOf derives the routes of a service from its descriptor.
func routesOf(service protoreflect.ServiceDescriptor) ([]*Route, error) {
	var routes []*Route
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
		if rule == nil || method.IsStreamingClient() || method.IsStreamingServer() {
			return nil, fmt.Errorf("routes: %s has no HTTP rule or streams", method.FullName())
		}
		policy, _ := proto.GetExtension(method.Options(), policyv1.E_Method).(*policyv1.Method)
		if policy == nil || len(policy.GetAccess()) == 0 {
			return nil, fmt.Errorf("routes: %s has no policy", method.FullName())
		}
		for _, binding := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
			r := &Route{RPC: "/" + string(service.FullName()) + "/" + string(method.Name()), Policy: policy}
			if r.Method, r.Pattern = verb(binding); r.Method == "" {
				return nil, fmt.Errorf("routes: %s has a rule without method", method.FullName())
			}
			_, params, err := parsePattern(r.Pattern)
			if err != nil {
				return nil, err
			}
			if r.Schema, err = transcode.Compile(method, binding, policy, params); err != nil {
				return nil, fmt.Errorf("routes: %w", err)
			}
			routes = append(routes, r)
		}
	}
	return routes, nil
}

func verb(rule *annotations.HttpRule) (method, pattern string) {
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, p.Get
	case *annotations.HttpRule_Post:
		return http.MethodPost, p.Post
	case *annotations.HttpRule_Put:
		return http.MethodPut, p.Put
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, p.Patch
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, p.Delete
	}
	return "", ""
}

// recorder stands in for a connection and notes which method is called.
type recorder struct{ called string }

var errProbe = errors.New("probe")

func (p *recorder) Invoke(_ context.Context, method string, _, _ any, _ ...grpc.CallOption) error {
	p.called = method
	return errProbe
}

func (p *recorder) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errProbe
}

// run sends an empty request through a handler and reports the method called.
func (p *recorder) run(ctx context.Context, r *Route, handle runtime.HandlerFunc) string {
	_, names, _ := parsePattern(r.Pattern)
	params := make(map[string]string, len(names))
	for _, name := range names {
		params[name] = "1" // reads as text, number and boolean alike
	}
	p.called = ""
	c := &transcode.Canonical{Params: params, Form: url.Values{}, Body: []byte("{}\n{}")}
	transcode.Forward(ctx, handle, &discard{header: http.Header{}}, r.Method, c, &transcode.Call{Log: slog.New(slog.DiscardHandler)})
	return p.called
}

type discard struct {
	header http.Header
	io.Writer
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}
