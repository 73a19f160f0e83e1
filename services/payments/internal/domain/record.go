package domain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Record is a JSON object whose keys are ids and whose order carries meaning.
type Record[T any] []Member[T]

// Member is one entry of a Record.
type Member[T any] struct {
	ID    string
	Value T
}

// Get returns the value of an id.
func (r Record[T]) Get(id string) (value T, ok bool) {
	for i := range r {
		if r[i].ID == id {
			return r[i].Value, true
		}
	}
	return value, false
}

var errRecord = errors.New("must be an object")

// UnmarshalJSON reads an object and keeps its order.
func (r *Record[T]) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return errRecord
	}
	*r = nil
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		member := Member[T]{}
		member.ID, _ = key.(string)
		if err := decoder.Decode(&member.Value); err != nil {
			return fmt.Errorf("%s: %w", member.ID, err)
		}
		*r = append(*r, member)
	}
	return nil
}

// MarshalJSON writes an object in order.
func (r Record[T]) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i := range r {
		if i > 0 {
			out = append(out, ',')
		}
		key, err := json.Marshal(r[i].ID)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(r[i].Value)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(out, '}'), nil
}
