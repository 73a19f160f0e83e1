package docs

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"vestibule.dev/gateway/internal/transcode"
	policyv1 "vestibule.dev/proto/policy/v1"
)

// direction is which way a message travels. The same message is described
// differently as a request, where presence follows the checks of the gateway,
// and as a response, where it follows what the marshaler writes.
type direction uint8

const (
	request direction = iota
	answer
)

type component struct {
	message protoreflect.FullName
	way     direction
}

// schemas collects the named schemas of a document.
type schemas struct {
	comments comments
	named    object[*schema]
	names    map[component]string
}

// ref returns a reference to the schema of a message, which is made once.
func (s *schemas) ref(md protoreflect.MessageDescriptor, way direction) (*schema, error) {
	key := component{md.FullName(), way}
	name, ok := s.names[key]
	if !ok {
		name = s.name(md, way)
		s.names[key] = name
		// Entered before its properties are known, so that recursion ends.
		made := &schema{Type: types{"object"}}
		s.named.add(name, made)
		if err := s.fill(made, md, way); err != nil {
			return nil, err
		}
	}
	return &schema{Ref: "#/components/schemas/" + name}, nil
}

// name is the short name of a message; one that is taken already is qualified.
func (s *schemas) name(md protoreflect.MessageDescriptor, way direction) string {
	name := string(md.Name())
	if way == request && !strings.HasSuffix(name, "Patch") {
		name += "Input"
	}
	for _, m := range s.named {
		if m.name == name {
			return string(md.ParentFile().Package()) + "." + name
		}
	}
	return name
}

func (s *schemas) fill(o *schema, md protoreflect.MessageDescriptor, way direction) error {
	o.Description = paragraphs(append([]string{s.comments.of(md)}, messageRules(md)...)...)
	if way == answer {
		return s.fillAnswer(o, md)
	}
	list, err := transcode.DescribeMessage(md)
	if err != nil {
		return fmt.Errorf("docs: %w", err)
	}
	return s.fillRequest(o, list, false)
}

// fillRequest adds the properties of a request body.
func (s *schemas) fillRequest(o *schema, list []transcode.Property, tolerant bool) error {
	for _, p := range list {
		property, err := s.property(p)
		if err != nil {
			return err
		}
		o.Properties.add(p.Name, property)
		if p.Required {
			o.Required = append(o.Required, p.Name)
		}
	}
	if !tolerant {
		o.AdditionalProperties = false
	}
	return nil
}

// property is the schema of one property of a request.
func (s *schemas) property(p transcode.Property) (*schema, error) {
	return s.field(p.Field, request, p.Nullable)
}

// fillAnswer adds the properties of a response. A field is left out when it is
// unset exactly if it is marked optional; a message that is always there is
// null when unset.
func (s *schemas) fillAnswer(o *schema, md protoreflect.MessageDescriptor) error {
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		single := !fd.IsList() && !fd.IsMap()
		optional := fd.ContainingOneof() != nil
		property, err := s.field(fd, answer, single && fd.HasPresence() && !optional && !mustBeSet(fd))
		if err != nil {
			return err
		}
		o.Properties.add(string(fd.Name()), property)
		if !optional {
			o.Required = append(o.Required, string(fd.Name()))
		}
	}
	return nil
}

// field is the schema of a field without its presence.
func (s *schemas) field(fd protoreflect.FieldDescriptor, way direction, nullable bool) (*schema, error) {
	made, err := s.shape(fd, way)
	if err != nil {
		return nil, err
	}
	policy := policyOf(fd)
	made.Description = s.comments.of(fd)
	if err := constrain(made, fd); err != nil {
		return nil, err
	}
	if way == request && policy.GetUserIdOrMe() {
		made.Description = paragraphs(made.Description, "`me` stands for the signed-in user.")
		// The literal is no UUID.
		made.Format, made.Examples, made.Me = "", []any{"me"}, true
	}
	made.ServerOnly, made.Hidden = policy.GetServerOnly(), policy.GetHidden()
	if made.ServerOnly {
		made.Description = paragraphs(made.Description, "Server and admin access only.")
	}
	if len(made.Examples) == 0 {
		made.Examples = example(fd)
	}
	if !nullable || len(made.Type) == 0 && made.Ref == "" {
		return made, nil // a schema without type allows null already
	}
	switch {
	case made.Ref != "":
		made.AnyOf = []*schema{{Ref: made.Ref}, {Type: types{"null"}}}
		made.Ref = ""
	default:
		made.Type = append(made.Type, "null")
		if made.Enum != nil {
			made.Enum = append(made.Enum, nil)
		}
	}
	return made, nil
}

// shape is the schema of a field's type.
func (s *schemas) shape(fd protoreflect.FieldDescriptor, way direction) (*schema, error) {
	switch {
	case fd.IsMap():
		values, err := s.value(fd.MapValue(), way)
		if err != nil {
			return nil, err
		}
		return &schema{Type: types{"object"}, AdditionalProperties: values}, nil
	case fd.IsList():
		items, err := s.value(fd, way)
		if err != nil {
			return nil, err
		}
		return &schema{Type: types{"array"}, Items: items}, nil
	}
	return s.value(fd, way)
}

// value is the schema of one value of a field's type.
func (s *schemas) value(fd protoreflect.FieldDescriptor, way direction) (*schema, error) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return &schema{Type: types{"string"}}, nil
	case protoreflect.BytesKind:
		return &schema{Type: types{"string"}, ContentEncoding: "base64"}, nil
	case protoreflect.BoolKind:
		return &schema{Type: types{"boolean"}}, nil
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
		protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return &schema{Type: types{"integer"}}, nil
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind,
		protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		// JSON numbers are doubles; longer integers travel as text.
		return &schema{Type: types{"string"}, Pattern: "^-?[0-9]+$"}, nil
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return &schema{Type: types{"number"}}, nil
	case protoreflect.EnumKind:
		made := &schema{Type: types{"string"}}
		for i := range fd.Enum().Values().Len() {
			made.Enum = append(made.Enum, string(fd.Enum().Values().Get(i).Name()))
		}
		return made, nil
	case protoreflect.MessageKind:
		return s.message(fd.Message(), way)
	}
	return nil, fmt.Errorf("docs: %s: there is no schema for kind %s", fd.FullName(), fd.Kind())
}

func (s *schemas) message(md protoreflect.MessageDescriptor, way direction) (*schema, error) {
	if md.FullName().Parent() != "google.protobuf" {
		return s.ref(md, way)
	}
	switch md.Name() {
	case "Value":
		return &schema{}, nil
	case "Struct":
		return &schema{Type: types{"object"}}, nil
	case "ListValue":
		return &schema{Type: types{"array"}, Items: &schema{}}, nil
	case "Timestamp":
		return &schema{Type: types{"string"}, Format: "date-time"}, nil
	case "StringValue", "BytesValue", "BoolValue", "Int32Value", "Int64Value", "UInt32Value", "UInt64Value", "FloatValue", "DoubleValue":
		return s.value(md.Fields().ByName("value"), way)
	}
	return nil, fmt.Errorf("docs: there is no schema for %s", md.FullName())
}

// examples are values for properties whose rules do not suggest one.
var examples = map[string]any{
	"password":     "correct horse battery",
	"old_password": "correct horse battery",
	"new_password": "incorrect horse battery",
	"display_name": "Ada Lovelace",
}

func example(fd protoreflect.FieldDescriptor) []any {
	name := string(fd.Name())
	if v, ok := examples[name]; ok {
		return []any{v}
	}
	if strings.HasSuffix(name, "_millis") && !fd.IsList() {
		return []any{1630000000000}
	}
	return nil
}

func policyOf(fd protoreflect.FieldDescriptor) *policyv1.Field {
	policy, _ := proto.GetExtension(fd.Options(), policyv1.E_Field).(*policyv1.Field)
	return policy
}

// paragraphs joins the texts that are not empty.
func paragraphs(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		if text == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(text)
	}
	return b.String()
}

// sentence makes a sentence of the message of a rule.
func sentence(message string) string {
	if message == "" {
		return ""
	}
	return strings.ToUpper(message[:1]) + strings.TrimSuffix(message[1:], ".") + "."
}
