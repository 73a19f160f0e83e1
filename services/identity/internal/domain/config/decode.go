package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"vestibule.dev/pkg/apierr"
)

// Limits of one override document.
const (
	// MaxDocumentLength is the longest accepted document, in characters.
	MaxDocumentLength = 5_000_000
	// maxDepth bounds segments of a dotted key plus nesting below it; the
	// deepest key with a meaning has 7.
	maxDepth = 64
	// maxKeyBytes bounds one key as written, dots included.
	maxKeyBytes = 1000
)

// invalid is the answer to a refused document: 400 with a plain sentence.
func invalid(format string, args ...any) error {
	const badRequest = 400
	return apierr.Text(badRequest, fmt.Sprintf(format, args...))
}

// decode reads one JSON object and enforces the rules that hold for every
// document whatever its keys mean: key syntax, no duplicate keys, bounded
// depth, finite numbers, no null in arrays. Malformed JSON is reported before
// any of these.
func decode(text string) (*object, error) {
	if !utf8.ValidString(text) {
		return nil, invalid("The configuration is not valid UTF-8.")
	}
	in := json.NewDecoder(strings.NewReader(text))
	in.UseNumber()
	d := decoder{in: in}
	value, err := d.value()
	if err == nil {
		if _, end := in.Token(); !errors.Is(end, io.EOF) {
			err = errNotJSON
		}
	}
	switch {
	case errors.Is(err, errNotJSON):
		return nil, invalid("The configuration is not valid JSON (near byte %d).", in.InputOffset())
	case err != nil:
		return nil, err
	case d.problem != nil:
		return nil, d.problem
	}
	root, ok := value.(*object)
	if !ok {
		return nil, invalid("The configuration must be a JSON object.")
	}
	return root, nil
}

var errNotJSON = errors.New("not JSON")

type decoder struct {
	in      *json.Decoder
	path    []string
	depth   int   // nesting, plus the dots of the current top-level key
	problem error // the first broken rule; reported if the JSON is well-formed
}

// broken notes that the place being read breaks a rule; the sentence goes on
// with predicate. Only the first one costs anything, as a hostile document may
// break rules millions of times.
func (d *decoder) broken(predicate string) {
	if d.problem == nil {
		d.problem = invalid("%s %s.", d.where(), predicate)
	}
}

// where names the place that is being read, for a sentence.
func (d *decoder) where() string {
	if len(d.path) == 0 {
		return "The configuration"
	}
	return fmt.Sprintf("The configuration key %q", join(d.path))
}

// descend stops the reading of a document that is nested too deeply, so that
// everything after it may recurse.
func (d *decoder) descend(levels int) error {
	if d.depth += levels; d.depth > maxDepth {
		return invalid("%s is nested too deeply; at most %d levels are allowed.", d.where(), maxDepth)
	}
	return nil
}

func (d *decoder) ascend(levels int) { d.depth -= levels }

func (d *decoder) value() (any, error) {
	token, err := d.in.Token()
	if err != nil {
		return nil, errNotJSON
	}
	switch token := token.(type) {
	case json.Delim:
		if err := d.descend(1); err != nil {
			return nil, err
		}
		defer d.ascend(1)
		if token == '[' {
			return d.array()
		}
		return d.object()
	case json.Number:
		return d.number(token), nil
	default:
		return token, nil // string, bool or nil
	}
}

func (d *decoder) number(text json.Number) any {
	n, err := strconv.ParseFloat(text.String(), 64)
	if err != nil {
		d.broken("holds a number that is out of range")
		return nil
	}
	return n + 0 // -0 becomes 0
}

func (d *decoder) array() (any, error) {
	elements := []any{}
	for d.in.More() {
		element, err := d.value()
		if err != nil {
			return nil, err
		}
		if element == nil {
			d.broken("holds null inside an array")
		}
		elements = append(elements, element)
	}
	if _, err := d.in.Token(); err != nil {
		return nil, errNotJSON
	}
	return elements, nil
}

func (d *decoder) object() (any, error) {
	o := &object{}
	for d.in.More() {
		token, err := d.in.Token()
		if err != nil {
			return nil, errNotJSON
		}
		key, ok := token.(string)
		if !ok {
			return nil, errNotJSON
		}
		d.path = append(d.path, key)
		d.checkKey(key)
		if o.has(key) {
			d.broken("appears twice")
		}
		dots := strings.Count(key, ".")
		if err := d.descend(dots); err != nil {
			return nil, err
		}
		value, err := d.value()
		if err != nil {
			return nil, err
		}
		d.ascend(dots)
		o.set(key, value)
		d.path = d.path[:len(d.path)-1]
	}
	if _, err := d.in.Token(); err != nil {
		return nil, errNotJSON
	}
	return o, nil
}

// checkKey enforces the key syntax: dots separate segments in top-level keys
// and are refused below.
func (d *decoder) checkKey(key string) {
	switch {
	case d.problem != nil:
	case len(key) > maxKeyBytes:
		d.broken(fmt.Sprintf("is too long; at most %d characters are allowed", maxKeyBytes))
	case len(d.path) > 1 && strings.Contains(key, "."):
		d.broken("has a dot in a nested key; dots are allowed in top-level keys only")
	default:
		for segment := range strings.SplitSeq(key, ".") {
			// The name is harmless here, but clients in JavaScript that merge
			// a configuration would write to an object's prototype.
			if segment == "__proto__" || !isSegment(segment) {
				d.broken("is not a valid key: each part is made of letters, digits, _, :, $ and -, and does not begin with -")
				return
			}
		}
	}
}

// isSegment reports whether s matches [A-Za-z0-9_:$][A-Za-z0-9_:$-]*.
func isSegment(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == ':', c == '$':
		case c == '-' && i > 0:
		default:
			return false
		}
	}
	return s != ""
}
