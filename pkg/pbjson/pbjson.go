// Package pbjson promises that JSON kept as text in a database survives its
// way through protobuf messages and back.
package pbjson

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

var marshaler = protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}

// Marshal renders a message as compact JSON under its proto field names,
// unpopulated fields included.
func Marshal(message proto.Message) ([]byte, error) {
	spaced, err := marshaler.Marshal(message)
	if err != nil {
		return nil, err
	}
	return compact(spaced)
}

// Text renders a JSON value for storage: nil for an absent value and for JSON
// null, which columns keep as SQL null.
func Text(value *structpb.Value) (json.RawMessage, error) {
	if value == nil {
		return nil, nil
	}
	if _, null := value.GetKind().(*structpb.Value_NullValue); null {
		return nil, nil
	}
	spaced, err := protojson.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("render JSON value: %w", err)
	}
	return compact(spaced)
}

// Value reads stored JSON; nil is JSON null.
func Value(text json.RawMessage) (*structpb.Value, error) {
	if text == nil {
		return structpb.NewNullValue(), nil
	}
	value := &structpb.Value{}
	if err := protojson.Unmarshal(text, value); err != nil {
		return nil, fmt.Errorf("read stored JSON: %w", err)
	}
	return value, nil
}

// Struct renders a message as a JSON object, the form in which events carry
// public representations.
func Struct(message proto.Message) (*structpb.Struct, error) {
	text, err := marshaler.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("render message: %w", err)
	}
	object := &structpb.Struct{}
	if err := protojson.Unmarshal(text, object); err != nil {
		return nil, fmt.Errorf("read rendered message: %w", err)
	}
	return object, nil
}

// compact removes white space, which protojson adds at random on purpose.
func compact(spaced []byte) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(len(spaced))
	if err := json.Compact(&buf, spaced); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
