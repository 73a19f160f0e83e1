package grpcx

import (
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
)

// Validator checks a request against the rules in its descriptor.
type Validator interface {
	// Validate returns one sentence per problem, each beginning with the
	// dotted path of the field. An error means that the rules are broken, not
	// the request.
	Validate(req any) (problems []string, err error)
}

type validator struct{ rules protovalidate.Validator }

// NewValidator returns the validator of the buf.validate rules. Rules are
// compiled when a message is first seen.
func NewValidator() (Validator, error) {
	v, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("grpcx: validator: %w", err)
	}
	return validator{v}, nil
}

// Validate implements [Validator].
func (v validator) Validate(req any) ([]string, error) {
	m, ok := req.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("grpcx: request is a %T and no message", req)
	}
	err := v.rules.Validate(m)
	if err == nil {
		return nil, nil
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return nil, fmt.Errorf("grpcx: rules of %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	problems := make([]string, 0, len(invalid.Violations))
	for _, violation := range invalid.Violations {
		sentence := violation.Proto.GetMessage()
		if path := protovalidate.FieldPathString(violation.Proto.GetField()); path != "" {
			sentence = path + " " + sentence
		}
		problems = append(problems, sentence)
	}
	return problems, nil
}
