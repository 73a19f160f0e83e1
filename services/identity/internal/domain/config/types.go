package config

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// valueType says which JSON values a key takes besides null.
type valueType struct {
	name    string // in the reference
	expects string // completes "… must be"
	accepts func(value any) bool
	free    bool // any JSON: keys below are not checked
}

var (
	boolean = valueType{name: "bool", expects: "true or false", accepts: is[bool]}
	text    = valueType{name: "string", expects: "a string", accepts: is[string]}
	number  = valueType{name: "number", expects: "a number", accepts: is[float64]}
	anyJSON = valueType{name: "JSON", expects: "any value", accepts: func(any) bool { return true }, free: true}

	onlyTrue  = valueType{name: "true", expects: "true", accepts: func(v any) bool { return v == true }}
	onlyFalse = valueType{name: "false", expects: "false", accepts: func(v any) bool { return v == false }}

	// interval is a length of time such as [1, "month"]. Zero is refused
	// because a grant that repeats every zero days would never end.
	interval = valueType{
		name:    `[n, "day"|"week"|"month"|"year"]`,
		expects: `an interval such as [1, "month"]`,
		accepts: isInterval,
	}
)

func is[T any](v any) bool {
	_, ok := v.(T)
	return ok
}

// maxInteger is the largest integer that every JSON number type holds exactly.
const maxInteger = 1<<53 - 1

func isInteger(v any, low, high float64) bool {
	n, ok := v.(float64)
	return ok && n == math.Trunc(n) && low <= n && n <= high
}

func isInterval(v any) bool {
	tuple, ok := v.([]any)
	if !ok || len(tuple) != 2 || !isInteger(tuple[0], 1, maxInteger) {
		return false
	}
	unit, _ := tuple[1].(string)
	return slices.Contains([]string{"day", "week", "month", "year"}, unit)
}

func integer(low, high float64) valueType {
	t := valueType{
		name:    fmt.Sprintf("integer %.0f–%.0f", low, high),
		expects: fmt.Sprintf("an integer from %.0f to %.0f", low, high),
		accepts: func(v any) bool { return isInteger(v, low, high) },
	}
	if high == maxInteger {
		t.name = fmt.Sprintf("integer ≥ %.0f", low)
		t.expects = fmt.Sprintf("an integer that is at least %.0f", low)
	}
	return t
}

func oneOf(values ...string) valueType {
	return valueType{
		name:    strings.Join(values, " | "),
		expects: "one of " + strings.Join(values, ", "),
		accepts: func(v any) bool {
			s, ok := v.(string)
			return ok && slices.Contains(values, s)
		},
	}
}

func either(a, b valueType) valueType {
	return valueType{
		name:    a.name + " or " + b.name,
		expects: a.expects + ", or " + b.expects,
		accepts: func(v any) bool { return a.accepts(v) || b.accepts(v) },
	}
}

// idRule restricts the keys of a record. Keys of every record follow the
// general key syntax as well.
type idRule struct {
	expects string // completes "the id … must be"
	accepts func(id string) bool
	// nested rules hold for keys of nested objects too, the others only where
	// the key is part of a dotted key.
	nested bool
}
