package config

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Values are nil, bool, float64, string, []any and *object.

// object is a JSON object that remembers the order of its keys. It is built by
// its owner and not changed once shared.
type object struct {
	members []member
	index   map[string]int // nil while a linear scan is cheap
}

type member struct {
	key   string
	value any
}

// scanLimit is the number of members up to which a look-up scans.
const scanLimit = 8

// obj builds an object from alternating keys and values.
func obj(pairs ...any) *object {
	o := &object{members: make([]member, 0, len(pairs)/2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		o.set(pairs[i].(string), pairs[i+1])
	}
	return o
}

func withCapacity(n int) *object { return &object{members: make([]member, 0, n)} }

func (o *object) find(key string) int {
	if o == nil {
		return -1
	}
	if o.index != nil {
		if i, ok := o.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range o.members {
		if o.members[i].key == key {
			return i
		}
	}
	return -1
}

func (o *object) has(key string) bool { return o.find(key) >= 0 }

// get returns the value of key; an absent key reads as nil.
func (o *object) get(key string) any {
	if i := o.find(key); i >= 0 {
		return o.members[i].value
	}
	return nil
}

// set replaces the value of key in place or appends the key.
func (o *object) set(key string, value any) {
	if i := o.find(key); i >= 0 {
		o.members[i].value = value
		return
	}
	o.members = append(o.members, member{key, value})
	switch n := len(o.members); {
	case o.index != nil:
		o.index[key] = n - 1
	case n > scanLimit:
		o.index = make(map[string]int, 2*n)
		for i := range o.members {
			o.index[o.members[i].key] = i
		}
	}
}

func (o *object) len() int {
	if o == nil {
		return 0
	}
	return len(o.members)
}

// all returns the members in order.
func (o *object) all() []member {
	if o == nil {
		return nil
	}
	return o.members
}

// at follows path through nested objects; anything missing reads as nil.
func (o *object) at(path ...string) any {
	var v any = o
	for _, key := range path {
		o, ok := v.(*object)
		if !ok {
			return nil
		}
		v = o.get(key)
	}
	return v
}

// clone copies the structure of v; strings are shared.
func clone(v any) any {
	switch v := v.(type) {
	case *object:
		out := withCapacity(v.len())
		for _, m := range v.all() {
			out.set(m.key, clone(m.value))
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = clone(v[i])
		}
		return out
	default:
		return v
	}
}

// withoutNulls copies v without the object members that are null.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case *object:
		out := withCapacity(v.len())
		for _, m := range v.all() {
			if m.value != nil {
				out.set(m.key, withoutNulls(m.value))
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = withoutNulls(v[i])
		}
		return out
	default:
		return v
	}
}

// appendJSON appends the compact JSON of v.
func appendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		if v {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case float64:
		// Numbers are finite by construction, so this cannot fail.
		text, _ := json.Marshal(v)
		return append(dst, text...)
	case string:
		return appendString(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, element := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, element)
		}
		return append(dst, ']')
	case *object:
		dst = append(dst, '{')
		for i, m := range v.all() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendString(dst, m.key)
			dst = append(dst, ':')
			dst = appendJSON(dst, m.value)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

const hexDigits = "0123456789abcdef"

// appendString quotes s. Unlike encoding/json it leaves <, > and & readable,
// as template sources are full of them. Invalid UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), "\ufffd"...)
				start = i + size
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

// join writes a path as a dotted key, cut to a length fit for an error sentence.
func join(path []string) string { return clip(strings.Join(path, ".")) }

// clip shortens text that a caller sent before it is quoted back.
func clip(s string) string {
	const limit = 120
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
