package transcode

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
)

// maxProblems bounds the text of one SCHEMA_ERROR.
const maxProblems = 50

// location is where the walker stands. It lives on the stack; only a problem
// turns it into text.
type location struct {
	parent *location
	name   string
	index  int
	item   bool
}

// String is the dotted path shown to the caller, such as body.domains[0].id.
func (l *location) String() string {
	switch {
	case l.item:
		return l.parent.String() + "[" + strconv.Itoa(l.index) + "]"
	case l.parent == nil:
		return l.name
	}
	return l.parent.String() + "." + clip(l.name)
}

// walker checks decoded input against objects and writes it anew, with casts
// applied and unknown properties gone. It collects problems and never stops
// at one.
type walker struct {
	// full callers may use server-only fields.
	full     bool
	tolerant bool
	userID   string
	problems []string
	// broken holds the paths of fields with a problem, so that validation
	// rules do not report them again.
	broken []string
	// strict restricts booleans to the two words, as in query strings.
	strict bool
}

func (w *walker) problem(at *location, text string) {
	if w.more() {
		path := at.String()
		w.broken = append(w.broken, path)
		w.problems = append(w.problems, path+" "+text)
	}
}

// more reports whether there is room for another problem, and says so in the
// error once there is none.
func (w *walker) more() bool {
	if len(w.problems) == maxProblems {
		w.problems = append(w.problems, "and more")
	}
	return len(w.problems) < maxProblems
}

// properties appends the known properties of v as members of a JSON object,
// without braces, and reports unknown and missing ones.
func (w *walker) properties(b []byte, o *object, v *value, at *location) []byte {
	for i := range v.members {
		m := &v.members[i]
		here := location{parent: at, name: m.name}
		f := o.byName[m.name]
		if f == nil || f.header != "" || f.serverOnly && !w.full {
			if !w.tolerant && w.more() {
				w.problems = append(w.problems, at.String()+" has the unknown property "+quoteName(m.name))
			}
			continue
		}
		if m.value.kind == kindNull && f.nullAbsent {
			continue
		}
		b = w.member(b, f, &m.value, &here)
	}
	for _, f := range o.fields {
		if f.required && f.header == "" && !(f.serverOnly && !w.full) && !v.has(f.name) {
			w.problem(&location{parent: at, name: f.name}, "is required")
		}
	}
	return b
}

func (v *value) has(name string) bool {
	for i := range v.members {
		if v.members[i].name == name {
			return true
		}
	}
	return false
}

// member appends one property with its name, or nothing if it is broken.
func (w *walker) member(b []byte, f *field, v *value, at *location) []byte {
	start := len(b)
	if start > 0 && b[start-1] != '{' {
		b = append(b, ',')
	}
	b = appendQuoted(b, f.name)
	b = append(b, ':')
	b, ok := w.field(b, f, v, at)
	if !ok {
		return b[:start]
	}
	return b
}

func (w *walker) field(b []byte, f *field, v *value, at *location) ([]byte, bool) {
	if v.kind == kindNull && f.nullable {
		return append(b, "null"...), true
	}
	switch {
	case v.kind == kindNull && f.typ != typeAny:
		w.problem(at, "must not be null")
		return b, false
	case f.list:
		return w.list(b, f, v, at)
	case f.dict:
		return w.dict(b, f, v, at)
	}
	return w.single(b, f, v, at)
}

func (w *walker) list(b []byte, f *field, v *value, at *location) ([]byte, bool) {
	if v.kind != kindArray {
		w.problem(at, "must be an array, not "+v.kind.String())
		return b, false
	}
	b = append(b, '[')
	sound := true
	for i := range v.members {
		if i > 0 {
			b = append(b, ',')
		}
		var ok bool
		b, ok = w.item(b, f, &v.members[i].value, &location{parent: at, index: i, item: true})
		sound = sound && ok
	}
	return append(b, ']'), sound
}

func (w *walker) dict(b []byte, f *field, v *value, at *location) ([]byte, bool) {
	if v.kind != kindObject {
		w.problem(at, "must be an object, not "+v.kind.String())
		return b, false
	}
	b = append(b, '{')
	sound := true
	for i := range v.members {
		m := &v.members[i]
		here := location{parent: at, name: m.name}
		if strings.IndexByte(m.name, 0) >= 0 {
			w.problem(at, hostileNUL)
			sound = false
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, m.name)
		b = append(b, ':')
		var ok bool
		b, ok = w.item(b, f, &m.value, &here)
		if ok && f.object != nil && f.object.position != "" {
			b = appendPosition(b, f.object.position, i)
		}
		sound = sound && ok
	}
	return append(b, '}'), sound
}

// appendPosition adds to the object that b ends with where it stands.
func appendPosition(b []byte, name string, position int) []byte {
	b = b[:len(b)-1]
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(appendQuoted(b, name), ':')
	return append(strconv.AppendInt(b, int64(position), 10), '}')
}

// item checks one element of a list or dictionary, which is never null.
func (w *walker) item(b []byte, f *field, v *value, at *location) ([]byte, bool) {
	if v.kind == kindNull && f.typ != typeAny {
		w.problem(at, "must not be null")
		return b, false
	}
	return w.single(b, f, v, at)
}

func (w *walker) single(b []byte, f *field, v *value, at *location) ([]byte, bool) {
	switch f.typ {
	case typeObject:
		if v.kind != kindObject {
			w.problem(at, "must be an object, not "+v.kind.String())
			return b, false
		}
		b = w.properties(append(b, '{'), f.object, v, at)
		return append(b, '}'), true
	case typeAny, typeAnyObject, typeAnyArray:
		return w.free(b, f.typ, v, at)
	}
	return w.scalar(b, f, v, at)
}

func (w *walker) free(b []byte, t fieldType, v *value, at *location) ([]byte, bool) {
	switch {
	case t == typeAnyObject && v.kind != kindObject:
		w.problem(at, "must be an object, not "+v.kind.String())
	case t == typeAnyArray && v.kind != kindArray:
		w.problem(at, "must be an array, not "+v.kind.String())
	case v.hostile != "":
		w.problem(at, v.hostile)
	default:
		return v.appendJSON(b), true
	}
	return b, false
}

// scalar casts as the contract allows (protocol §7).
func (w *walker) scalar(b []byte, f *field, v *value, at *location) ([]byte, bool) {
	if v.kind == kindArray || v.kind == kindObject {
		w.problem(at, "must be "+f.typ.want()+", not "+v.kind.String())
		return b, false
	}
	problem := ""
	start := len(b)
	switch f.typ {
	case typeString:
		text := v.text
		if v.kind == kindNumber {
			n, _ := strconv.ParseFloat(text, 64)
			text = strconv.FormatFloat(n, 'f', -1, 64)
		}
		if f.me && text == "me" {
			text = w.userID
		}
		if problem = v.hostile; problem == "" {
			b = appendQuoted(b, text)
		}
	case typeBytes:
		if _, err := base64.StdEncoding.DecodeString(v.text); err != nil || v.kind != kindString {
			problem = "must be valid base64"
		}
		b = appendQuoted(b, v.text)
	case typeBool:
		switch {
		case v.text == "true", v.text == "1" && !w.strict:
			b = append(b, "true"...)
		case v.text == "false", v.text == "0" && !w.strict:
			b = append(b, "false"...)
		default:
			problem = "must be true or false"
		}
	case typeFloat, typeDouble:
		b, problem = appendFloat(b, f.typ, v)
	default:
		b, problem = appendInt(b, f.typ, v)
	}
	if problem != "" {
		w.problem(at, problem)
		return b[:start], false
	}
	return b, true
}

func (t fieldType) want() string {
	switch t {
	case typeString, typeBytes:
		return "a string"
	case typeBool:
		return "a boolean"
	}
	return "a number"
}

// number reads a JSON number or a string that holds one.
func number(v *value) (float64, string) {
	if v.kind != kindNumber && v.kind != kindString {
		return 0, "must be a number, not " + v.kind.String()
	}
	text := strings.Trim(v.text, " \t\r\n")
	if text == "" || strings.Trim(text, "+-.eE0123456789") != "" {
		return 0, "must be a number"
	}
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case math.IsInf(n, 0):
		return 0, "is out of range"
	case err != nil:
		return 0, "must be a number"
	}
	return n, ""
}

func appendFloat(b []byte, t fieldType, v *value) ([]byte, string) {
	n, problem := number(v)
	if problem == "" && t == typeFloat && math.Abs(n) > math.MaxFloat32 {
		problem = "is out of range"
	}
	if problem != "" {
		return b, problem
	}
	return strconv.AppendFloat(b, n, 'g', -1, 64), ""
}

// Bounds of the integer types. The upper ones are exclusive, because the
// largest 64-bit integers are not doubles.
var intBounds = map[fieldType][2]float64{
	typeInt32:  {math.MinInt32, 1 << 31},
	typeInt64:  {math.MinInt64, 1 << 63},
	typeUint32: {0, 1 << 32},
	typeUint64: {0, 1 << 64},
}

func appendInt(b []byte, t fieldType, v *value) ([]byte, string) {
	n, problem := number(v)
	switch bounds := intBounds[t]; {
	case problem != "":
		return b, problem
	case n != math.Trunc(n):
		return b, "must be an integer"
	case n < bounds[0] || n >= bounds[1]:
		return b, "is out of range"
	}
	if t == typeUint32 || t == typeUint64 {
		return strconv.AppendUint(b, uint64(n), 10), ""
	}
	return strconv.AppendInt(b, int64(n), 10), ""
}
