package patch

// Field is one field of a partial update. The zero value is absent: the field
// was left out and stays as it is.
type Field[T any] struct {
	value T
	state state
}

type state uint8

const (
	absent state = iota
	null
	set
)

// Value returns a field that is set to v.
func Value[T any](v T) Field[T] { return Field[T]{value: v, state: set} }

// Null returns a field that is set to null.
func Null[T any]() Field[T] { return Field[T]{state: null} }

// FromPointer returns null for nil, else the value p points to.
func FromPointer[T any](p *T) Field[T] {
	if p == nil {
		return Null[T]()
	}
	return Value(*p)
}

// IsSet reports whether the field was given, be it as null.
func (f Field[T]) IsSet() bool { return f.state != absent }

// IsNull reports whether the field was given as null.
func (f Field[T]) IsNull() bool { return f.state == null }

// Get returns the value, and false if there is none because the field is
// absent or null.
func (f Field[T]) Get() (T, bool) { return f.value, f.state == set }

// Or returns what the field holds after the update when it held current before:
// current if absent, the zero value if null, else the value.
func (f Field[T]) Or(current T) T {
	if f.state == absent {
		return current
	}
	return f.value
}

// OrPointer is [Field.Or] for a nullable field, where nil is null.
func (f Field[T]) OrPointer(current *T) *T {
	switch f.state {
	case null:
		return nil
	case set:
		return &f.value
	}
	return current
}

// Map returns the field with convert applied to its value, if it has one.
func Map[T, U any](f Field[T], convert func(T) U) Field[U] {
	switch f.state {
	case null:
		return Null[U]()
	case set:
		return Value(convert(f.value))
	}
	return Field[U]{}
}
