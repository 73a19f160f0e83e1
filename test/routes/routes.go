// Package routes promises the list of everything that can be called, read from
// the descriptors: a new RPC is in it without anyone adding it.
package routes

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	policyv1 "vestibule.dev/proto/policy/v1"

	// Every context's descriptors; a test compares the list with proto/.
	_ "vestibule.dev/proto/identity/v1"
	_ "vestibule.dev/proto/notifications/v1"
	_ "vestibule.dev/proto/payments/v1"
	_ "vestibule.dev/proto/sessions/v1"
	_ "vestibule.dev/proto/teams/v1"
)

// contexts are the services; what else is registered is not ours.
var contexts = []string{"identity", "sessions", "teams", "notifications", "payments"}

// RPC is one method of one of the five services.
type RPC struct {
	// Context is the service that serves it, such as identity.
	Context string
	// FullMethod is the name on the wire, such as
	// /identity.v1.UserService/GetCurrentUser.
	FullMethod string
	Descriptor protoreflect.MethodDescriptor
	Policy     *policyv1.Method
}

// Internal reports whether other contexts alone may call the method.
func (r RPC) Internal() bool { return len(r.Policy.GetCallers()) > 0 }

// RPCs lists all methods, sorted by name.
func RPCs() []RPC {
	var found []RPC
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		context, _, _ := strings.Cut(string(file.Package()), ".")
		if !slices.Contains(contexts, context) {
			return true
		}
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				method := methods.Get(j)
				policy, _ := proto.GetExtension(method.Options(), policyv1.E_Method).(*policyv1.Method)
				found = append(found, RPC{
					Context:    context,
					FullMethod: fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name()),
					Descriptor: method,
					Policy:     policy,
				})
			}
		}
		return true
	})
	slices.SortFunc(found, func(a, b RPC) int { return strings.Compare(a.FullMethod, b.FullMethod) })
	return found
}

// Route is an operation of the REST API.
type Route struct {
	RPC
	// Method is the HTTP method, Path the template below /api/v1, such as
	// /auth/sessions/{id}.
	Method, Path string
	// Fields are the top-level fields a caller can set, wherever they go.
	Fields []Field
}

// String names the route.
func (r Route) String() string { return r.Method + " " + r.Path }

// Place is where a field of a request travels.
type Place int

// The places.
const (
	InPath Place = iota
	InQuery
	InBody
	InHeader
)

// Field is a field of a request as a caller sees it.
type Field struct {
	// Name in the JSON, the query or the path; of a header without prefix.
	Name       string
	Place      Place
	Descriptor protoreflect.FieldDescriptor
	Policy     *policyv1.Field
}

// Required reports whether a request without the field is malformed.
func (f Field) Required() bool {
	d := f.Descriptor
	return !d.HasPresence() && !d.IsList() && !d.IsMap() && d.Message() == nil && !f.Policy.GetOptional()
}

// All lists the routes of all public methods, additional bindings included.
func All() []Route {
	var found []Route
	for _, rpc := range RPCs() {
		rule, _ := proto.GetExtension(rpc.Descriptor.Options(), annotations.E_Http).(*annotations.HttpRule)
		if rule == nil {
			continue
		}
		for _, binding := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
			found = append(found, newRoute(rpc, binding))
		}
	}
	slices.SortFunc(found, func(a, b Route) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
	return found
}

func newRoute(rpc RPC, rule *annotations.HttpRule) Route {
	r := Route{RPC: rpc}
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		r.Method, r.Path = "GET", pattern.Get
	case *annotations.HttpRule_Post:
		r.Method, r.Path = "POST", pattern.Post
	case *annotations.HttpRule_Put:
		r.Method, r.Path = "PUT", pattern.Put
	case *annotations.HttpRule_Patch:
		r.Method, r.Path = "PATCH", pattern.Patch
	case *annotations.HttpRule_Delete:
		r.Method, r.Path = "DELETE", pattern.Delete
	case *annotations.HttpRule_Custom:
		r.Method, r.Path = pattern.Custom.GetKind(), pattern.Custom.GetPath()
	}
	r.Path = strings.TrimPrefix(r.Path, "/api/v1")
	fields := rpc.Descriptor.Input().Fields()
	for i := range fields.Len() {
		d := fields.Get(i)
		name := string(d.Name())
		f := Field{Name: name, Descriptor: d, Policy: FieldPolicy(d), Place: InQuery}
		switch {
		case f.Policy.GetHeader() != "":
			f.Name, f.Place = f.Policy.GetHeader(), InHeader
		case strings.Contains(r.Path, "{"+name+"}") || strings.Contains(r.Path, "{"+name+"="):
			f.Place = InPath
		case rule.GetBody() == "*":
			f.Place = InBody
		case rule.GetBody() == name:
			r.Fields = append(r.Fields, bodyFields(d.Message())...)
			continue
		case rule.GetBody() != "" && name == "update_mask":
			continue
		}
		r.Fields = append(r.Fields, f)
	}
	return r
}

func bodyFields(message protoreflect.MessageDescriptor) []Field {
	var fields []Field
	for i := range message.Fields().Len() {
		d := message.Fields().Get(i)
		fields = append(fields, Field{Name: string(d.Name()), Place: InBody, Descriptor: d, Policy: FieldPolicy(d)})
	}
	return fields
}

// FieldPolicy is the policy of a field; nil when it has none.
func FieldPolicy(d protoreflect.FieldDescriptor) *policyv1.Field {
	options, ok := d.Options().(*descriptorpb.FieldOptions)
	if !ok || options == nil || !proto.HasExtension(options, policyv1.E_Field) {
		return nil
	}
	policy, _ := proto.GetExtension(options, policyv1.E_Field).(*policyv1.Field)
	return policy
}
