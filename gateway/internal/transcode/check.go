package transcode

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/encoding/protojson"

	"vestibule.dev/pkg/apierr"
)

// maxQueryParams bounds the parameters of a query string.
const maxQueryParams = 100

// Caller is what the schema depends on besides the request.
type Caller struct {
	// Full callers (server and admin) may use server-only fields.
	Full bool
	// UserID is the current user, empty if there is none.
	UserID string
}

// Input is a request as it came, decoded but unchecked.
type Input struct {
	// Method and Path appear in error messages.
	Method, Path string
	// Params are the decoded path parameters.
	Params map[string]string
	// RawQuery is the query string.
	RawQuery string
	Header   http.Header
	Body     *Body

	query value
}

// Canonical is a request that the generated handlers can only accept: every
// field known, of its declared type and where the contract puts it.
type Canonical struct {
	Params map[string]string
	Form   url.Values
	// Body is nil, or two lines: an object whose property names make the
	// update mask (empty without one), and the document.
	Body []byte
}

// UsesMe reports whether the request says "me" where that stands for the
// current user.
func (s *Schema) UsesMe(in *Input) bool {
	for name, text := range in.Params {
		if f := s.path.byName[name]; text == "me" && f != nil && f.me {
			return true
		}
	}
	if s.query.me {
		in.parseQuery()
		if saysMe(s.query, &in.query) {
			return true
		}
	}
	return s.body != nil && s.body.me && in.Body.present && saysMe(s.body, &in.Body.value)
}

func saysMe(o *object, v *value) bool {
	for i := range v.members {
		m := &v.members[i]
		f := o.byName[m.name]
		switch {
		case f == nil:
		case f.me && m.value.kind == kindString && m.value.text == "me":
			return true
		case f.object == nil || !f.object.me:
		case f.list:
			for j := range m.value.members {
				if saysMe(f.object, &m.value.members[j].value) {
					return true
				}
			}
		case saysMe(f.object, &m.value):
			return true
		}
	}
	return false
}

func (in *Input) parseQuery() bool {
	if in.query.kind == kindObject {
		return true
	}
	params, ok := parseForm(in.RawQuery, maxQueryParams)
	in.query = objectOf(params)
	return ok
}

// Check compares a request with the schema. Everything that is wrong comes
// back as one SCHEMA_ERROR.
func (s *Schema) Check(in *Input, caller Caller) (*Canonical, error) {
	w := &walker{full: caller.Full, tolerant: s.tolerant, userID: caller.UserID}
	if s.needsUser && caller.UserID == "" {
		w.problems = append(w.problems, "user is required: sign in first")
	}
	out := &Canonical{Form: url.Values{}}
	full := []byte{'{'}
	full = s.checkParams(w, full, in, out)
	full = s.checkQuery(w, full, in, out)
	headers := s.checkHeaders(w, nil, in, out)
	full = appendMembers(full, headers)
	full = s.checkBody(w, full, headers, in, out)
	full = append(full, '}')
	if s.constrained {
		s.checkRules(w, full)
	}
	if len(w.problems) > 0 {
		return nil, apierr.SchemaErrorAt(in.Method, in.Path, w.problems...)
	}
	return out, nil
}

func (s *Schema) checkParams(w *walker, full []byte, in *Input, out *Canonical) []byte {
	if len(in.Params) == 0 {
		return full
	}
	w.strict = true
	out.Params = make(map[string]string, len(in.Params))
	root := location{name: "path"}
	for _, f := range s.path.fields {
		v := stringValue(in.Params[f.name])
		full = w.member(full, f, &v, &location{parent: &root, name: f.name})
		out.Params[f.name] = w.formValue(f, &v)
	}
	return full
}

func (s *Schema) checkQuery(w *walker, full []byte, in *Input, out *Canonical) []byte {
	root := location{name: "query"}
	w.strict = true
	if !in.parseQuery() {
		w.problem(&root, "has too many parameters")
	}
	v := in.query
	if len(s.ignoredQuery) > 0 {
		v.members = slices.DeleteFunc(slices.Clone(v.members), func(m member) bool {
			return s.query.byName[m.name] == nil && slices.Contains(s.ignoredQuery, m.name)
		})
	}
	full = w.properties(full, s.query, &v, &root)
	for i := range v.members {
		m := &v.members[i]
		if f := s.query.byName[m.name]; f != nil {
			out.Form.Set(f.name, w.formValue(f, &m.value))
		}
	}
	return full
}

// formValue is the text by which a path, query or header field reaches the
// generated code. A broken value's does not matter: the request ends here.
func (w *walker) formValue(f *field, v *value) string {
	switch {
	case f.me && v.text == "me":
		return w.userID
	case f.typ == typeString, f.typ == typeBytes:
		return v.text
	}
	token, _ := (&walker{strict: true}).scalar(nil, f, v, &location{})
	return string(token)
}

func (s *Schema) checkHeaders(w *walker, b []byte, in *Input, out *Canonical) []byte {
	root := location{name: "headers"}
	for _, f := range s.headers.fields {
		at := location{parent: &root, name: strings.ToLower(f.header)}
		values := in.Header.Values(f.header)
		if f.cookies != "" {
			values = ownCookies(in.Header, f.cookies)
		}
		if len(values) == 0 {
			if f.required {
				w.problem(&at, "is required")
			}
			continue
		}
		v := stringValue(strings.ToValidUTF8(values[len(values)-1], "\uFFFD"))
		b = w.member(b, f, &v, &at)
		if s.bodyField != "*" {
			out.Form.Set(f.name, w.formValue(f, &v))
		}
	}
	return b
}

// ownCookies returns the cookies whose names begin with prefix as one value of
// a Cookie header; none when there are none. The others are nobody's business,
// also those that are malformed: other pages of the same site set what they like.
func ownCookies(h http.Header, prefix string) []string {
	var own []string
	for _, c := range (&http.Request{Header: h}).Cookies() {
		if strings.HasPrefix(c.Name, prefix) {
			own = append(own, c.Name+"="+c.Value)
		}
	}
	if own == nil {
		return nil
	}
	return []string{strings.Join(own, "; ")}
}

func (s *Schema) checkBody(w *walker, full, headers []byte, in *Input, out *Canonical) []byte {
	if s.body == nil {
		return full
	}
	w.strict = false
	root := location{name: "body"}
	v := &in.Body.value
	switch {
	case !in.Body.present:
		if s.masked || s.body.required() {
			w.problem(&root, "is required")
			return full
		}
		v = &value{kind: kindObject}
	case v.kind != kindObject:
		w.problem(&root, "must be an object, not "+v.kind.String())
		return full
	}
	if s.bodyField == "*" {
		members := w.properties(nil, s.body, v, &root)
		out.Body = append(appendMembers(appendMembers([]byte("\n{"), headers), members), '}')
		return appendMembers(full, members)
	}
	object := append(w.properties([]byte{'{'}, s.body, v, &root), '}')
	full = appendMembers(full, append(append(strconv.AppendQuote(nil, s.bodyField), ':'), object...))
	if s.masked {
		out.Body = s.maskDocument(w, v)
	}
	out.Body = append(append(out.Body, '\n'), object...)
	return full
}

// maskDocument lists the properties present in the body, from which the
// generated code derives the update mask. It is shallow: inside a free-form
// field the mask would otherwise hold one path for every leaf the caller
// cares to send. The decoder of the inbound marshaler skips it.
func (s *Schema) maskDocument(w *walker, v *value) []byte {
	b := []byte{'{'}
	for i := range v.members {
		m := &v.members[i]
		f := s.body.byName[m.name]
		if f == nil || f.serverOnly && !w.full || m.value.kind == kindNull && f.nullAbsent {
			continue
		}
		b = appendMembers(b, append(appendQuoted(nil, f.name), ":0"...))
	}
	return append(b, '}')
}

// appendMembers appends members of a JSON object to others.
func appendMembers(b, members []byte) []byte {
	if len(members) == 0 {
		return b
	}
	if n := len(b); n > 0 && b[n-1] != '{' {
		b = append(b, ',')
	}
	return append(b, members...)
}

// checkRules runs the validation rules of the contract on the request and
// reports what the walker has not reported already.
func (s *Schema) checkRules(w *walker, full []byte) {
	msg := s.input.New().Interface()
	if err := protojson.Unmarshal(full, msg); err != nil {
		// The walker and the decoder disagree, which the fuzz test rules out.
		w.problems = append(w.problems, "the request could not be read")
		return
	}
	err := protovalidate.Validate(msg)
	if err == nil {
		return
	}
	violations, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		w.problems = append(w.problems, "the request could not be checked")
		return
	}
	for _, violation := range violations.Violations {
		path := s.display(violation.Proto.GetField())
		if w.isBroken(path) || !w.more() {
			continue
		}
		w.problems = append(w.problems, path+" "+sentence(violation.Proto.GetMessage()))
	}
}

// isBroken reports whether a problem is known at path, above or below it.
func (w *walker) isBroken(path string) bool {
	return slices.ContainsFunc(w.broken, func(b string) bool { return within(path, b) || within(b, path) })
}

// within reports whether path is outer or lies in it.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// display turns the path of a violation into the one the caller knows.
func (s *Schema) display(path *validate.FieldPath) string {
	elements := path.GetElements()
	if len(elements) == 0 {
		return "body"
	}
	first := elements[0].GetFieldName()
	text := "body." + first
	switch f := s.headers.byName[first]; {
	case f != nil:
		text = "headers." + strings.ToLower(f.header)
	case s.path.byName[first] != nil:
		text = "path." + first
	case s.query.byName[first] != nil:
		text = "query." + first
	case first == s.bodyField:
		text = "body"
	}
	for i, e := range elements {
		if i > 0 {
			text += "." + e.GetFieldName()
		}
		switch sub := e.GetSubscript().(type) {
		case *validate.FieldPathElement_Index:
			text += "[" + strconv.FormatUint(sub.Index, 10) + "]"
		case *validate.FieldPathElement_StringKey:
			text += "." + clip(sub.StringKey)
		}
	}
	return text
}

// sentence words a violation so that it reads well after a field's name.
func sentence(message string) string {
	if list, ok := strings.CutPrefix(message, "must be in list ["); ok {
		return "must be one of " + strings.TrimSuffix(list, "]")
	}
	message = strings.TrimPrefix(message, "value ")
	if rest, ok := strings.CutSuffix(message, " 1 characters"); ok {
		message = rest + " 1 character"
	}
	switch {
	case message == "":
		return "is not valid"
	case strings.HasPrefix(message, "must "), strings.HasPrefix(message, "is "), strings.HasPrefix(message, "does "):
		return message
	}
	return "is not valid: " + message
}
