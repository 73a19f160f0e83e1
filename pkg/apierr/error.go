package apierr

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Format says how the gateway renders an error.
type Format uint8

const (
	// FormatKnown is JSON with code, details and sentence, plus the known-error headers.
	FormatKnown Format = iota
	// FormatText is one sentence as text/plain; Code is empty.
	FormatText
	// FormatOAuth is the JSON of RFC 6749 section 5.2; Code is the OAuth error code.
	FormatOAuth
)

// Error is an error meant for the caller of the API.
//
// Treat a value as read-only: the same pointer may be held by several
// goroutines. [Error.WithCause] returns a copy.
type Error struct {
	// Code is the upper snake case code of the catalogue, or the lower-case
	// OAuth code for FormatOAuth, or empty for FormatText.
	Code string
	// HTTP is the response status.
	HTTP int
	// Message is one non-empty sentence for a person. It holds neither secrets
	// nor addresses, so it may be logged.
	Message string
	// Details is nil when the error has none. Values are limited to what JSON
	// and google.protobuf.Struct share: string, bool, float64, nil, []any and
	// map[string]any. Details may hold addresses and one-time codes: never log
	// them.
	Details map[string]any
	// Header holds additional response headers in canonical spelling.
	Header map[string]string
	// Format says how the error is rendered.
	Format Format

	cause error
}

// Error returns code and sentence. The cause is left out, so that the text can
// never show a caller what went wrong inside.
func (e *Error) Error() string {
	if e.Code == "" {
		return strconv.Itoa(e.HTTP) + ": " + e.Message
	}
	return e.Code + ": " + e.Message
}

// Unwrap returns the cause, if any.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is an *Error with the same code and status, so
// that errors.Is(err, apierr.UserNotFound()) ignores details and sentence.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.HTTP == e.HTTP
}

// WithCause returns a copy of e that wraps err. The cause is for logs; it is
// neither rendered nor sent to another process.
func (e *Error) WithCause(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

// LogValue logs code, status, sentence and cause, and never the details.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{slog.Int("status", e.HTTP), slog.String("message", e.Message)}
	if e.Code != "" {
		attrs = append(attrs, slog.String("code", e.Code))
	}
	if e.cause != nil {
		attrs = append(attrs, slog.String("cause", e.cause.Error()))
	}
	return slog.GroupValue(attrs...)
}

// GRPC returns the number of the gRPC status code that carries e between
// services. Errors outside the catalogue get the usual one of their HTTP status.
func (e *Error) GRPC() uint32 {
	if e.Format == FormatKnown {
		if s, ok := Lookup(e.Code); ok {
			return s.GRPC
		}
	}
	return grpcFor(e.HTTP)
}

// HasCode reports whether err is, or wraps, the known error with this code.
func HasCode(err error, code string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Format == FormatKnown && e.Code == code
}

// InFamily reports whether err is, or wraps, a known error of the family.
func InFamily(err error, family string) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Format != FormatKnown {
		return false
	}
	s, ok := Lookup(e.Code)
	return ok && slices.Contains(s.Families, family)
}

// Text returns a plain-text error: one sentence and a status, no code.
func Text(status int, sentence string) *Error {
	return &Error{HTTP: status, Message: sentence, Format: FormatText}
}

// OAuth returns an error of RFC 6749 section 5.2. Only the token endpoint
// answers with these.
func OAuth(status int, code, description string) *Error {
	return &Error{Code: code, HTTP: status, Message: description, Format: FormatOAuth}
}

// AnswerTooLarge returns the 400 text error of a caller who asked for more than
// fits into one answer.
func AnswerTooLarge() *Error {
	return Text(http.StatusBadRequest, "The answer would be too large. Ask for less, such as for a page, one team or one user.")
}

// Unavailable returns the 503 text error of a service that sheds load or waits
// for something it depends on. Retry-After is retryAfter in whole seconds,
// rounded up, at least 1.
func Unavailable(retryAfter time.Duration) *Error {
	e := Text(http.StatusServiceUnavailable, "The service is busy at the moment. Please try again shortly.")
	e.Header = retryHeader(retryAfter)
	return e
}

// TooManyRequests returns the 429 text error of a caller that is too fast.
// Retry-After is retryAfter in whole seconds, rounded up, at least 1.
func TooManyRequests(retryAfter time.Duration) *Error {
	e := Text(http.StatusTooManyRequests, "Too many requests. Please slow down and try again later.")
	e.Header = retryHeader(retryAfter)
	return e
}

func retryHeader(d time.Duration) map[string]string {
	seconds := max(1, int64(math.Ceil(d.Seconds())))
	return map[string]string{"Retry-After": strconv.FormatInt(seconds, 10)}
}
