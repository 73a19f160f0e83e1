package apierr

import (
	"errors"
	"strings"
	"time"
)

// known makes the error of a code in the catalogue. Only this package calls it,
// always with a constant, so an unknown code is a mistake in this package.
func known(code string, details map[string]any) *Error {
	s, ok := Lookup(code)
	if !ok {
		panic("apierr: code " + code + " is not in the catalogue")
	}
	return &Error{Code: code, HTTP: s.HTTP, Message: s.Message, Details: details}
}

// withMessage makes an error that repeats its sentence in the details, where
// SDKs read it. An empty message means the catalogue's.
func withMessage(code, message string) *Error {
	e := known(code, nil)
	if message != "" {
		e.Message = message
	}
	e.Details = map[string]any{"message": e.Message}
	return e
}

// BodyParsingError is for an unknown content type, invalid JSON, and a form or
// content encoding that cannot be decoded. An empty message means the usual
// sentence.
func BodyParsingError(message string) *Error {
	return withMessage(CodeBodyParsingError, message)
}

// SchemaError is for a request that does not match its schema. Each problem is
// one sentence that names the dotted path of a field; all are reported at once.
func SchemaError(problems ...string) *Error {
	return schemaError(unnamedHeadline, problems)
}

const unnamedHeadline = "The request does not match what this endpoint accepts"

// SchemaErrorAt is [SchemaError] with a headline that names the endpoint, for
// whoever knows method and path.
func SchemaErrorAt(method, path string, problems ...string) *Error {
	return schemaError(headlineAt(method, path), problems)
}

// NameEndpoint returns err, or, if it is an error of [SchemaError], the same with
// the headline of [SchemaErrorAt]. A service does not know by which method and
// path it is asked; whoever answers does.
func NameEndpoint(err error, method, path string) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != CodeSchemaError {
		return err
	}
	rest, unnamed := strings.CutPrefix(e.Message, unnamedHeadline)
	if !unnamed {
		return err
	}
	return withMessage(CodeSchemaError, headlineAt(method, path)+rest)
}

func headlineAt(method, path string) string {
	return "The request does not match what " + method + " " + path + " accepts"
}

func schemaError(headline string, problems []string) *Error {
	if len(problems) == 0 {
		return withMessage(CodeSchemaError, headline+".")
	}
	var b strings.Builder
	b.WriteString(headline)
	b.WriteByte(':')
	for _, p := range problems {
		b.WriteString("\n  - ")
		b.WriteString(p)
	}
	return withMessage(CodeSchemaError, b.String())
}

// orNil is s, or nil for the empty string.
func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// millisOrNull is t in milliseconds since the epoch, or nil for the zero time.
func millisOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return float64(t.UnixMilli())
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
