// Package pbpatch promises that a PATCH writes nothing that its caller may not
// write: it reads bodies with an update mask into [patch.Field], by an allow-list
// made of the message itself and its policy (proto/policy/v1).
package pbpatch

import (
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pbjson"
	"vestibule.dev/pkg/principal"
	policyv1 "vestibule.dev/proto/policy/v1"
)

// Mask says which fields of a PATCH body were present. It knows only fields
// that the caller may write.
type Mask map[string]bool

// New reads the update mask of a PATCH whose body is of the given type. A
// name that the type lacks, and a server-only one from a client, is an unknown
// property.
func New(paths *fieldmaskpb.FieldMask, body proto.Message, access principal.Access) (Mask, error) {
	fields := body.ProtoReflect().Descriptor().Fields()
	present := Mask{}
	var problems []string
	for _, path := range paths.GetPaths() {
		// Free-form fields have deep paths; the field is replaced as a whole.
		name, _, _ := strings.Cut(path, ".")
		field := fields.ByName(protoreflect.Name(name))
		if field == nil || serverOnly(field) && !access.Trusted() {
			problems = append(problems, "body."+name+": unknown property")
			continue
		}
		present[name] = true
	}
	if problems != nil {
		return nil, apierr.SchemaError(problems...)
	}
	return present, nil
}

func serverOnly(field protoreflect.FieldDescriptor) bool {
	policy, _ := proto.GetExtension(field.Options(), policyv1.E_Field).(*policyv1.Field)
	return policy.GetServerOnly()
}

// Text reads a nullable string.
func (m Mask) Text(name string, value *wrapperspb.StringValue) patch.Field[string] {
	switch {
	case !m[name]:
		return patch.Field[string]{}
	case value == nil:
		return patch.Null[string]()
	default:
		return patch.Value(value.GetValue())
	}
}

// Word reads a string, which cannot be null.
func (m Mask) Word(name string, value *string) patch.Field[string] {
	if !m[name] || value == nil {
		return patch.Field[string]{}
	}
	return patch.Value(*value)
}

// Flag reads a boolean, which cannot be null.
func (m Mask) Flag(name string, value *bool) patch.Field[bool] {
	if !m[name] || value == nil {
		return patch.Field[bool]{}
	}
	return patch.Value(*value)
}

// JSON reads free-form JSON.
func (m Mask) JSON(name string, value *structpb.Value) (patch.Field[json.RawMessage], error) {
	if !m[name] {
		return patch.Field[json.RawMessage]{}, nil
	}
	text, err := pbjson.Text(value)
	if err != nil {
		return patch.Field[json.RawMessage]{}, err
	}
	if text == nil {
		return patch.Null[json.RawMessage](), nil
	}
	return patch.Value(text), nil
}
