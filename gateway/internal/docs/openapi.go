package docs

import (
	"bytes"
	"encoding/json"
)

// The types below are the parts of OpenAPI 3.1 and JSON Schema 2020-12 that the
// description uses. Their fields are in the order in which readers expect them.

type document struct {
	OpenAPI    string           `json:"openapi"`
	Info       info             `json:"info"`
	Servers    []server         `json:"servers"`
	Tags       []tag            `json:"tags"`
	Paths      object[pathItem] `json:"paths"`
	Components components       `json:"components"`
}

type info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description,omitempty"`
	License     struct {
		Name       string `json:"name"`
		Identifier string `json:"identifier"`
	} `json:"license"`
}

type server struct {
	URL         string `json:"url"`
	Description string `json:"description,omitempty"`
}

type tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// pathItem maps a lower-case method to its operation.
type pathItem = object[*operation]

type operation struct {
	OperationID string                `json:"operationId"`
	Summary     string                `json:"summary"`
	Description string                `json:"description,omitempty"`
	Tags        []string              `json:"tags"`
	Servers     []server              `json:"servers,omitempty"`
	Security    []map[string][]string `json:"security"`
	Parameters  []parameter           `json:"parameters,omitempty"`
	RequestBody *requestBody          `json:"requestBody,omitempty"`
	Responses   object[response]      `json:"responses"`
	// Access lists the access types that are accepted.
	Access []string `json:"x-access"`
	// Expensive operations count against a stricter limit.
	Expensive bool `json:"x-expensive,omitempty"`
	// KnownErrors are those of the operation itself, without the ones that
	// any authenticated operation may answer with.
	KnownErrors []knownError `json:"x-known-errors,omitempty"`
}

type knownError struct {
	Code   string `json:"code"`
	Status int    `json:"status"`
}

type parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitempty"`
	Schema      *schema `json:"schema"`
	Example     any     `json:"example,omitempty"`
	ServerOnly  bool    `json:"x-server-only,omitempty"`
	Hidden      bool    `json:"x-hidden,omitempty"`
	Me          bool    `json:"x-user-id-or-me,omitempty"`
	Ignored     bool    `json:"x-ignored,omitempty"`
}

type requestBody struct {
	Required bool          `json:"required,omitempty"`
	Content  object[media] `json:"content"`
}

type response struct {
	Ref         string            `json:"$ref,omitempty"`
	Description string            `json:"description,omitempty"`
	Headers     object[parameter] `json:"headers,omitempty"`
	Content     object[media]     `json:"content,omitempty"`
}

type media struct {
	Schema   *schema              `json:"schema,omitempty"`
	Example  any                  `json:"example,omitempty"`
	Examples object[mediaExample] `json:"examples,omitempty"`
}

type mediaExample struct {
	Ref     string `json:"$ref,omitempty"`
	Summary string `json:"summary,omitempty"`
	Value   any    `json:"value,omitempty"`
}

type components struct {
	Schemas         object[*schema]        `json:"schemas"`
	Responses       object[response]       `json:"responses"`
	Examples        object[mediaExample]   `json:"examples"`
	SecuritySchemes object[securityScheme] `json:"securitySchemes"`
}

type securityScheme struct {
	Type        string `json:"type"`
	In          string `json:"in"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

type schema struct {
	Ref         string    `json:"$ref,omitempty"`
	AnyOf       []*schema `json:"anyOf,omitempty"`
	AllOf       []*schema `json:"allOf,omitempty"`
	Type        types     `json:"type,omitempty"`
	Description string    `json:"description,omitempty"`

	Format           string   `json:"format,omitempty"`
	ContentEncoding  string   `json:"contentEncoding,omitempty"`
	Const            any      `json:"const,omitempty"`
	Enum             []any    `json:"enum,omitempty"`
	MinLength        *int64   `json:"minLength,omitempty"`
	MaxLength        *int64   `json:"maxLength,omitempty"`
	Pattern          string   `json:"pattern,omitempty"`
	Minimum          *float64 `json:"minimum,omitempty"`
	Maximum          *float64 `json:"maximum,omitempty"`
	ExclusiveMinimum *float64 `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum *float64 `json:"exclusiveMaximum,omitempty"`

	Items       *schema `json:"items,omitempty"`
	MinItems    *int64  `json:"minItems,omitempty"`
	MaxItems    *int64  `json:"maxItems,omitempty"`
	UniqueItems bool    `json:"uniqueItems,omitempty"`

	Properties           object[*schema] `json:"properties,omitempty"`
	Required             []string        `json:"required,omitempty"`
	AdditionalProperties any             `json:"additionalProperties,omitempty"`
	MinProperties        *int64          `json:"minProperties,omitempty"`
	MaxProperties        *int64          `json:"maxProperties,omitempty"`
	PropertyNames        *schema         `json:"propertyNames,omitempty"`

	Examples []any `json:"examples,omitempty"`

	// ServerOnly properties exist for server and admin callers alone.
	ServerOnly bool `json:"x-server-only,omitempty"`
	// Hidden properties are known to existing clients but not part of the
	// published contract.
	Hidden bool `json:"x-hidden,omitempty"`
	// Me says that the literal "me" stands for the signed-in user's id.
	Me bool `json:"x-user-id-or-me,omitempty"`
}

// types are JSON types; a single one is written as a string.
type types []string

// MarshalJSON implements json.Marshaler.
func (t types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return encode(t[0])
	}
	return encode([]string(t))
}

// object is a JSON object that keeps the order of its members.
type object[T any] []member[T]

type member[T any] struct {
	name  string
	value T
}

func (o *object[T]) add(name string, value T) { *o = append(*o, member[T]{name, value}) }

// at returns the member called name, made if there is none.
func (o *object[T]) at(name string) *T {
	for i := range *o {
		if (*o)[i].name == name {
			return &(*o)[i].value
		}
	}
	*o = append(*o, member[T]{name: name})
	return &(*o)[len(*o)-1].value
}

// MarshalJSON implements json.Marshaler.
func (o object[T]) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := encode(m.name)
		if err != nil {
			return nil, err
		}
		value, err := encode(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode is json.Marshal without escapes for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}
