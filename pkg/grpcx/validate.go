package grpcx

import (
	"errors"
	"fmt"
	"sync"

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

// validator builds the rule engine with the first request, because it costs
// some MiB that an idle process need not spend.
type validator struct {
	rules func() (protovalidate.Validator, error)
}

// NewValidator returns the validator of the buf.validate rules. Rules are
// compiled when a message is first seen.
func NewValidator() Validator {
	return validator{sync.OnceValues(func() (protovalidate.Validator, error) { return protovalidate.New() })}
}

// Validate implements [Validator].
func (v validator) Validate(req any) ([]string, error) {
	m, ok := req.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("grpcx: request is a %T and no message", req)
	}
	rules, err := v.rules()
	if err != nil {
		return nil, fmt.Errorf("grpcx: rule engine: %w", err)
	}
	if err = rules.Validate(m); err == nil {
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
