package transcode

import "google.golang.org/protobuf/reflect/protoreflect"

// Description is what a request to one route may hold, for the documentation.
type Description struct {
	// Method is the method behind the route.
	Method               protoreflect.MethodDescriptor
	Path, Query, Headers []Property
	// Body is nil when the route reads none.
	Body *BodyDescription
}

// BodyDescription describes the JSON object in a request.
type BodyDescription struct {
	// Message is the type of the object; nil when the object is the request
	// without the fields that come from elsewhere.
	Message    protoreflect.MessageDescriptor
	Properties []Property
	// Required bodies must be present.
	Required bool
	// Tolerant bodies may hold unknown properties.
	Tolerant bool
}

// Property is what a request may say under one name. Its type and constraints
// are those of Field.
type Property struct {
	Name  string
	Field protoreflect.FieldDescriptor
	// Required properties must be present.
	Required bool
	// Nullable properties accept null.
	Nullable bool
	// ServerOnly properties are refused from clients.
	ServerOnly bool
	// Me says that the literal "me" stands for the signed-in user's id.
	Me bool
}

// Describe tells what the schema accepts. It must not be called on an
// [EmptySchema].
func (s *Schema) Describe() Description {
	input := s.method.Input()
	d := Description{
		Method:  s.method,
		Path:    properties(s.path, input),
		Query:   properties(s.query, input),
		Headers: properties(s.headers, input),
	}
	if s.body == nil {
		return d
	}
	d.Body = &BodyDescription{Required: s.masked || s.body.required(), Tolerant: s.tolerant}
	if s.bodyField == "*" {
		d.Body.Properties = properties(s.body, input)
		return d
	}
	d.Body.Message = input.Fields().ByName(protoreflect.Name(s.bodyField)).Message()
	d.Body.Properties = properties(s.body, d.Body.Message)
	return d
}

// HasMe reports whether a property at any depth may be "me".
func (s *Schema) HasMe() bool {
	return s.path.me || s.query.me || s.body != nil && s.body.me
}

// DescribeMessage describes an object inside a body. It fails on messages that
// no request can hold.
func DescribeMessage(md protoreflect.MessageDescriptor) ([]Property, error) {
	c := compiler{objects: map[protoreflect.FullName]*object{}}
	o, err := c.object(md)
	if err != nil {
		return nil, err
	}
	return properties(o, md), nil
}

func properties(o *object, md protoreflect.MessageDescriptor) []Property {
	list := make([]Property, 0, len(o.fields))
	for _, f := range o.fields {
		if f.cookies != "" {
			continue // what the server gives itself is nothing to describe
		}
		list = append(list, Property{
			Name: f.name, Field: md.Fields().ByName(protoreflect.Name(f.name)),
			Required: f.required, Nullable: f.nullable, ServerOnly: f.serverOnly, Me: f.me,
		})
	}
	return list
}
