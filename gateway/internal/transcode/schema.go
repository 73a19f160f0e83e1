package transcode

import (
	"fmt"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	policyv1 "vestibule.dev/proto/policy/v1"
)

// Schema is what one route accepts, compiled from the descriptor of its
// method: which fields come from the path, the query, the headers and the
// body, and what each may hold.
type Schema struct {
	method  protoreflect.MethodDescriptor
	input   protoreflect.MessageType
	path    *object
	query   *object
	headers *object
	// body is nil when the route has no body; bodyField is then empty. It is
	// "*" when the body's properties are fields of the request itself.
	body      *object
	bodyField string
	// masked says that the request has an update mask, made from the
	// properties present in the body.
	masked       bool
	needsUser    bool
	tolerant     bool
	ignoredQuery []string
	// constrained says that validation rules exist anywhere below the request.
	constrained bool
}

// object is a set of named properties.
type object struct {
	fields []*field
	byName map[string]*field
	// me says that a property of it, at any depth, may be "me".
	me bool
	// position is the name of the field that the walker fills with the place of
	// the object among those of a dictionary; empty for most.
	position string
}

func (o *object) add(f *field) {
	if o.byName == nil {
		o.byName = map[string]*field{}
	}
	o.fields = append(o.fields, f)
	o.byName[f.name] = f
	o.me = o.me || f.me || f.object != nil && f.object.me
}

// required reports whether an object with nothing in it misses something.
func (o *object) required() bool {
	return slices.ContainsFunc(o.fields, func(f *field) bool { return f.required })
}

type fieldType uint8

const (
	typeString fieldType = iota
	typeBytes
	typeBool
	typeInt32
	typeInt64
	typeUint32
	typeUint64
	typeFloat
	typeDouble
	typeObject
	// Free-form JSON; its inside is not inspected.
	typeAny
	typeAnyObject
	typeAnyArray
)

func (t fieldType) scalar() bool { return t < typeObject }

// field is one property.
type field struct {
	name     string
	typ      fieldType
	object   *object // of typeObject
	list     bool
	dict     bool
	required bool
	// nullable fields accept null; with nullAbsent it counts as absent.
	nullable   bool
	nullAbsent bool
	serverOnly bool
	me         bool
	// header is the canonical name of the header that alone fills the field.
	header string
	// cookies is the prefix of the cookies that make up the value of a field
	// filled by the Cookie header; empty for all other fields.
	cookies string
}

// standard are the headers that carry no prefix, because others gave them
// their names.
var standard = map[string]bool{"Authorization": true, "Idempotency-Key": true}

// HTTPHeader returns the canonical name under which the edge keeps the header
// called name in the contract, which omits its prefix.
func HTTPHeader(name string) string {
	if standard[name] {
		return name
	}
	return "X-Stack-" + name
}

// PublishedHeader returns the name under which callers send the header called
// name in the contract.
func PublishedHeader(name string) string {
	if standard[name] {
		return name
	}
	return "X-Hexclave-" + name
}

// Compile builds the schema of one binding of a method. pathParams are the
// names in the binding's path. It fails on anything the walker could not
// check, so that a gateway with such a method does not start.
func Compile(method protoreflect.MethodDescriptor, rule *annotations.HttpRule, policy *policyv1.Method, pathParams []string) (*Schema, error) {
	input, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method.FullName(), err)
	}
	s := &Schema{
		method: method, input: input,
		path: &object{}, query: &object{}, headers: &object{},
		bodyField:    rule.GetBody(),
		needsUser:    policy.GetUser() == policyv1.User_USER_IN_SCHEMA,
		tolerant:     policy.GetTolerateUnknown(),
		ignoredQuery: policy.GetIgnoredQuery(),
	}
	if s.bodyField == "*" {
		s.body = &object{}
	}
	c := compiler{objects: map[protoreflect.FullName]*object{}}
	for fd := range fieldsOf(method.Input()) {
		if isMessage(fd, "google.protobuf.FieldMask") {
			s.masked = true
			continue
		}
		f, err := c.field(fd)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", method.FullName(), err)
		}
		switch {
		case slices.Contains(pathParams, f.name):
			f.required = true
			s.path.add(f)
		case f.header != "":
			s.headers.add(f)
		case s.bodyField == f.name:
			if f.typ != typeObject || f.list || f.dict {
				return nil, fmt.Errorf("%s: body field %s is not a message", method.FullName(), f.name)
			}
			s.body = f.object
			continue
		case s.bodyField == "*":
			s.body.add(f)
			continue
		default:
			s.query.add(f)
		}
		if !f.typ.scalar() || f.list || f.dict {
			return nil, fmt.Errorf("%s: field %s can only be in a body", method.FullName(), f.name)
		}
	}
	for _, name := range pathParams {
		if s.path.byName[name] == nil {
			return nil, fmt.Errorf("%s: path names the unknown field %s", method.FullName(), name)
		}
	}
	if s.bodyField != "" && s.body == nil {
		return nil, fmt.Errorf("%s: there is no body field %s", method.FullName(), s.bodyField)
	}
	if s.masked && (s.body == nil || s.bodyField == "*") {
		return nil, fmt.Errorf("%s: an update mask needs a body of one field", method.FullName())
	}
	s.constrained = constrained(method.Input(), map[protoreflect.FullName]bool{})
	return s, nil
}

// EmptySchema is the schema of an operation without any input.
func EmptySchema() *Schema { return &Schema{path: &object{}, query: &object{}, headers: &object{}} }

// ReadsBody reports whether anything comes from the body.
func (s *Schema) ReadsBody() bool { return s.body != nil }

// Reads reports whether a field comes from the header called name in the
// contract.
func (s *Schema) Reads(name string) bool {
	return slices.ContainsFunc(s.headers.fields, func(f *field) bool { return f.header == HTTPHeader(name) })
}

// compiler turns message descriptors into objects, each once, so that
// recursive messages end.
type compiler struct {
	objects map[protoreflect.FullName]*object
}

func (c *compiler) object(md protoreflect.MessageDescriptor) (*object, error) {
	if o := c.objects[md.FullName()]; o != nil {
		return o, nil
	}
	o := &object{}
	c.objects[md.FullName()] = o
	for fd := range fieldsOf(md) {
		if policyv1FieldOf(fd).GetPosition() {
			o.position = string(fd.Name())
			continue
		}
		f, err := c.field(fd)
		if err != nil {
			return nil, err
		}
		o.add(f)
	}
	return o, nil
}

func (c *compiler) field(fd protoreflect.FieldDescriptor) (*field, error) {
	rules := policyv1FieldOf(fd)
	f := &field{
		name:       string(fd.Name()),
		list:       fd.IsList(),
		dict:       fd.IsMap(),
		serverOnly: rules.GetServerOnly(),
		me:         rules.GetUserIdOrMe(),
		nullable:   rules.GetNullable(),
		nullAbsent: rules.GetNullable(),
	}
	if rules.GetHeader() != "" {
		f.header = HTTPHeader(rules.GetHeader())
	}
	if f.cookies = rules.GetCookies(); f.cookies != "" {
		f.header = "Cookie"
	}
	item := fd
	if f.dict {
		item = fd.MapValue()
	}
	typ, wrapped, err := typeOf(item)
	if err != nil {
		return nil, err
	}
	f.typ = typ
	if f.typ == typeObject {
		if f.object, err = c.object(item.Message()); err != nil {
			return nil, err
		}
	}
	if !f.list && !f.dict && (wrapped || f.typ == typeAny) {
		f.nullable, f.nullAbsent = true, false
	}
	switch {
	case fieldRules(fd).GetRequired():
		f.required = true
	case rules.GetOptional(), fd.HasOptionalKeyword(), fd.ContainingOneof() != nil:
	case f.list, f.dict:
		f.required = true
	case item.Message() != nil:
		f.required = !wrapped && f.typ != typeAny
	default:
		f.required = !fd.HasPresence()
	}
	return f, nil
}

// typeOf maps the type of a field; wrapped reports one of the wrapper
// messages, which are their scalar or null.
func typeOf(fd protoreflect.FieldDescriptor) (t fieldType, wrapped bool, err error) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return typeString, false, nil
	case protoreflect.BytesKind:
		return typeBytes, false, nil
	case protoreflect.BoolKind:
		return typeBool, false, nil
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return typeInt32, false, nil
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return typeInt64, false, nil
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return typeUint32, false, nil
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return typeUint64, false, nil
	case protoreflect.FloatKind:
		return typeFloat, false, nil
	case protoreflect.DoubleKind:
		return typeDouble, false, nil
	case protoreflect.MessageKind:
		return messageType(fd.Message())
	}
	return 0, false, fmt.Errorf("%s: kind %s has no place in the REST contract", fd.FullName(), fd.Kind())
}

func messageType(md protoreflect.MessageDescriptor) (fieldType, bool, error) {
	name := md.FullName()
	if name.Parent() != "google.protobuf" {
		return typeObject, false, nil
	}
	switch name.Name() {
	case "Value":
		return typeAny, false, nil
	case "Struct":
		return typeAnyObject, false, nil
	case "ListValue":
		return typeAnyArray, false, nil
	case "StringValue", "BytesValue", "BoolValue", "Int32Value", "Int64Value", "UInt32Value", "UInt64Value", "FloatValue", "DoubleValue":
		t, _, err := typeOf(md.Fields().ByName("value"))
		return t, true, err
	}
	return 0, false, fmt.Errorf("%s has no place in the REST contract", name)
}

func fieldsOf(md protoreflect.MessageDescriptor) func(func(protoreflect.FieldDescriptor) bool) {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		for i := range md.Fields().Len() {
			if !yield(md.Fields().Get(i)) {
				return
			}
		}
	}
}

func isMessage(fd protoreflect.FieldDescriptor, name protoreflect.FullName) bool {
	return fd.Message() != nil && fd.Message().FullName() == name
}

func policyv1FieldOf(fd protoreflect.FieldDescriptor) *policyv1.Field {
	rules, _ := proto.GetExtension(fd.Options(), policyv1.E_Field).(*policyv1.Field)
	return rules
}

func fieldRules(fd protoreflect.FieldDescriptor) *validate.FieldRules {
	rules, _ := proto.GetExtension(fd.Options(), validate.E_Field).(*validate.FieldRules)
	return rules
}

// constrained reports whether any validation rule exists in md or below it.
func constrained(md protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[md.FullName()] {
		return false
	}
	seen[md.FullName()] = true
	if proto.HasExtension(md.Options(), validate.E_Message) {
		return true
	}
	for fd := range fieldsOf(md) {
		if proto.HasExtension(fd.Options(), validate.E_Field) {
			return true
		}
		if fd.Message() != nil && !strings.HasPrefix(string(fd.Message().FullName()), "google.protobuf.") &&
			constrained(fd.Message(), seen) {
			return true
		}
	}
	return false
}
