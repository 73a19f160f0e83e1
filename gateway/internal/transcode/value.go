package transcode

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of one JSON document. They exist because a parsed document costs many
// times its text: eight megabytes of "[0,0,0,…" would otherwise become a
// quarter of a gigabyte.
const (
	maxDepth  = 128
	maxValues = 100_000
)

// kind is the JSON type of a value.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// value is one node of a decoded body. Form fields and query parameters are
// represented as string values, so that one walker serves all three.
type value struct {
	kind kind
	// raw is the source text; empty for values that never were JSON.
	raw string
	// text is the content of a string and the literal of a number or boolean.
	text string
	// members are the fields of an object or, unnamed, the items of an array.
	members []member
	// hostile says why a free-form value could not be stored faithfully by
	// anything behind the gateway; empty when it can. It covers all members.
	hostile string
}

type member struct {
	name  string
	value value
}

const (
	hostileNUL    = "must not contain NUL characters"
	hostileNumber = "contains a number outside the range of a double"
)

func stringValue(s string) value {
	v := value{kind: kindString, text: s}
	if strings.IndexByte(s, 0) >= 0 {
		v.hostile = hostileNUL
	}
	return v
}

// appendJSON appends the value's JSON text to b.
func (v *value) appendJSON(b []byte) []byte {
	if v.raw != "" {
		return append(b, v.raw...)
	}
	if v.kind == kindObject {
		b = append(b, '{')
		for i := range v.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendQuoted(b, v.members[i].name)
			b = append(b, ':')
			b = v.members[i].value.appendJSON(b)
		}
		return append(b, '}')
	}
	return appendQuoted(b, v.text)
}

// appendQuoted appends s, which must be valid UTF-8, as a JSON string.
func appendQuoted(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// parseJSON reads exactly one JSON document. The grammar is checked by the
// standard library; what is refused beyond it are things on which parsers
// disagree (duplicate names, lone surrogates, bad UTF-8) and documents built
// to exhaust memory.
func parseJSON(data []byte) (value, error) {
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return value{}, errors.New("the body is empty")
	case !utf8.Valid(data):
		return value{}, errors.New("the body is not valid UTF-8")
	case !json.Valid(data):
		return value{}, errors.New("the body is not valid JSON")
	}
	p := parser{src: string(data)}
	return p.value(0)
}

// parser walks text that is known to be valid JSON.
type parser struct {
	src    string
	pos    int
	values int
}

func (p *parser) space() {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

func (p *parser) value(depth int) (value, error) {
	if p.values++; p.values > maxValues {
		return value{}, errors.New("the body holds too many values")
	}
	if depth > maxDepth {
		return value{}, errors.New("the body is nested too deeply")
	}
	p.space()
	start := p.pos
	var v value
	var err error
	switch c := p.src[p.pos]; c {
	case '{':
		v, err = p.object(depth)
	case '[':
		v, err = p.array(depth)
	case '"':
		v.kind = kindString
		v.text, err = p.str()
		if strings.IndexByte(v.text, 0) >= 0 {
			v.hostile = hostileNUL
		}
	case 'n':
		p.pos += len("null")
	case 't':
		v.kind, p.pos = kindBool, p.pos+len("true")
	case 'f':
		v.kind, p.pos = kindBool, p.pos+len("false")
	default:
		v.kind = kindNumber
		for p.pos < len(p.src) && strings.IndexByte("+-.eE0123456789", p.src[p.pos]) >= 0 {
			p.pos++
		}
		if _, rangeErr := strconv.ParseFloat(p.src[start:p.pos], 64); rangeErr != nil {
			v.hostile = hostileNumber
		}
	}
	if err != nil {
		return value{}, err
	}
	v.raw = p.src[start:p.pos]
	if v.kind == kindBool || v.kind == kindNumber {
		v.text = v.raw
	}
	return v, nil
}

func (p *parser) object(depth int) (value, error) {
	v := value{kind: kindObject}
	p.pos++ // {
	var seen map[string]struct{}
	for p.space(); p.src[p.pos] != '}'; p.space() {
		if p.src[p.pos] == ',' {
			p.pos++
			p.space()
		}
		name, err := p.str()
		if err != nil {
			return v, err
		}
		if seen, err = unique(seen, v.members, name); err != nil {
			return v, err
		}
		p.space()
		p.pos++ // :
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		if strings.IndexByte(name, 0) >= 0 {
			v.hostile = hostileNUL
		}
		if item.hostile != "" {
			v.hostile = item.hostile
		}
		v.members = append(v.members, member{name, item})
	}
	p.pos++ // }
	return v, nil
}

// unique reports a name that occurs twice. Small objects are compared
// directly; a set is built only once an object has outgrown that.
func unique(seen map[string]struct{}, members []member, name string) (map[string]struct{}, error) {
	const small = 16
	duplicate := false
	switch {
	case len(members) < small:
		for i := range members {
			duplicate = duplicate || members[i].name == name
		}
	default:
		if seen == nil {
			seen = make(map[string]struct{}, 4*small)
			for i := range members {
				seen[members[i].name] = struct{}{}
			}
		}
		_, duplicate = seen[name]
		seen[name] = struct{}{}
	}
	if duplicate {
		return seen, errors.New("the body names the property " + quoteName(name) + " twice")
	}
	return seen, nil
}

func (p *parser) array(depth int) (value, error) {
	v := value{kind: kindArray}
	p.pos++ // [
	for p.space(); p.src[p.pos] != ']'; p.space() {
		if p.src[p.pos] == ',' {
			p.pos++
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		if item.hostile != "" {
			v.hostile = item.hostile
		}
		v.members = append(v.members, member{value: item})
	}
	p.pos++ // ]
	return v, nil
}

// str reads a string. Without escapes it shares the memory of the source.
func (p *parser) str() (string, error) {
	p.pos++ // "
	start := p.pos
	for {
		switch p.src[p.pos] {
		case '"':
			s := p.src[start:p.pos]
			p.pos++
			return s, nil
		case '\\':
			return p.escaped(start)
		}
		p.pos++
	}
}

func (p *parser) escaped(start int) (string, error) {
	b := []byte(p.src[start:p.pos])
	for {
		c := p.src[p.pos]
		p.pos++
		switch c {
		case '"':
			return string(b), nil
		case '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, c)
		}
	}
}

var errSurrogate = errors.New("the body contains a lone surrogate")

// escape reads what follows a backslash.
func (p *parser) escape() (rune, error) {
	c := p.src[p.pos]
	p.pos++
	switch c {
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		r := p.hex()
		if !utf16.IsSurrogate(r) {
			return r, nil
		}
		if !strings.HasPrefix(p.src[p.pos:], `\u`) {
			return 0, errSurrogate
		}
		p.pos += len(`\u`)
		if r = utf16.DecodeRune(r, p.hex()); r == utf8.RuneError {
			return 0, errSurrogate
		}
		return r, nil
	}
	return rune(c), nil // ", \ and /
}

func (p *parser) hex() rune {
	n, _ := strconv.ParseUint(p.src[p.pos:p.pos+4], 16, 32) // valid by grammar
	p.pos += 4
	return rune(n)
}

// quoteName renders a name chosen by the caller for an error message.
func quoteName(name string) string { return strconv.Quote(clip(name)) }

// clip shortens what a caller may have made long.
func clip(name string) string {
	const longest = 64
	if len(name) <= longest {
		return name
	}
	cut := longest
	for cut > 0 && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + "…"
}
