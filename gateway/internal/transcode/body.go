package transcode

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"

	"vestibule.dev/pkg/apierr"
)

const (
	// maxBody is the largest body after decoding.
	maxBody = 8 << 20
	// smallBody is what a request may hold without a reservation.
	smallBody = 64 << 10
	// maxFormFields bounds the fields of a form and the query parameters.
	maxFormFields = 1000
)

// BodyReader decodes request bodies. Large ones share a budget, so that a
// hundred uploads at once cost waiting time instead of memory.
type BodyReader struct {
	budget *semaphore.Weighted
	size   int64
	used   atomic.Int64
}

// NewBodyReader returns a reader that holds at most budget bytes of large
// bodies at a time; less than one full body is rounded up to it.
func NewBodyReader(budget int64) *BodyReader {
	budget = max(budget, maxBody)
	return &BodyReader{budget: semaphore.NewWeighted(budget), size: budget}
}

// Used is how many bytes of large bodies are held now, Limit how many may be.
func (br *BodyReader) Used() int64 { return br.used.Load() }

// Limit is how many bytes of large bodies may be held at a time.
func (br *BodyReader) Limit() int64 { return br.size }

// Body is a decoded request body. Absent is not the same as empty: only a
// request without content type has an absent body.
type Body struct {
	present bool
	value   value
	release func()
}

// Release gives the body's memory reservation back.
func (b *Body) Release() {
	if b.release != nil {
		b.release()
		b.release = nil
	}
}

// Read decodes the body of r (protocol §7). The error is an *apierr.Error:
// BODY_PARSING_ERROR, or plain 413 for more than 8 MiB after decoding. The
// caller must release the body when the request is done.
func (br *BodyReader) Read(r *http.Request) (Body, error) {
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	contentType = strings.ToLower(strings.TrimSpace(contentType))
	if contentType == "" || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return Body{}, nil
	}
	decode, ok := decoders[contentType]
	if !ok {
		return Body{}, apierr.BodyParsingError("The content type " + quoteName(contentType) + " is not supported.")
	}
	data, release, err := br.bytes(r)
	if err != nil {
		return Body{}, err
	}
	v, err := decode(data)
	if err != nil {
		release()
		return Body{}, apierr.BodyParsingError("The request body could not be read: " + err.Error() + ".")
	}
	return Body{present: true, value: v, release: release}, nil
}

var decoders = map[string]func([]byte) (value, error){
	"application/json":                  parseJSON,
	"application/x-www-form-urlencoded": parseFormBody,
	"text/plain":                        parseText,
	"application/octet-stream":          parseText,
}

func parseFormBody(data []byte) (value, error) {
	if !utf8.Valid(data) {
		return value{}, errors.New("the form is not valid UTF-8")
	}
	params, ok := parseForm(string(data), maxFormFields)
	if !ok {
		return value{}, errors.New("the form has too many fields")
	}
	return objectOf(params), nil
}

// parseText stands for bodies no operation accepts. They are values like any
// other, so that the refusal is the schema's and not a second mechanism.
func parseText([]byte) (value, error) { return value{kind: kindString}, nil }

// bytes reads the body after undoing its content encoding.
func (br *BodyReader) bytes(r *http.Request) ([]byte, func(), error) {
	encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
	plain := encoding == "" || encoding == "identity"
	if plain && r.ContentLength > maxBody {
		return nil, nil, tooLarge()
	}
	body, err := decompress(encoding, io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, nil, undecodable(encoding)
	}
	var buf bytes.Buffer
	if plain && r.ContentLength > 0 {
		buf.Grow(int(min(r.ContentLength, smallBody)) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(body, smallBody))
	release := func() {}
	if err == nil && n == smallBody {
		reserved := int64(maxBody)
		if plain && r.ContentLength > 0 {
			reserved = r.ContentLength
		}
		if release, err = br.reserve(r.Context(), reserved); err != nil {
			return nil, nil, err
		}
		buf.Grow(int(min(reserved, 1<<20)))
		_, err = buf.ReadFrom(io.LimitReader(body, maxBody+1-smallBody))
	}
	// The server may bound what is sent, whatever it decodes to.
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		release()
		return nil, nil, tooLarge()
	}
	switch {
	case err != nil && !plain:
		release()
		return nil, nil, undecodable(encoding)
	case err != nil:
		release()
		return nil, nil, apierr.BodyParsingError("The request body ended early.")
	case buf.Len() > maxBody:
		release()
		return nil, nil, tooLarge()
	}
	return buf.Bytes(), release, nil
}

// reserve waits for room for a large body. The wait ends with the request, so
// whoever holds the room slows others down but never locks them out.
func (br *BodyReader) reserve(ctx context.Context, n int64) (func(), error) {
	if err := br.budget.Acquire(ctx, n); err != nil {
		return nil, apierr.Unavailable(time.Second).WithCause(err)
	}
	br.used.Add(n)
	return func() {
		br.used.Add(-n)
		br.budget.Release(n)
	}, nil
}

func decompress(encoding string, r io.Reader) (io.Reader, error) {
	switch encoding {
	case "", "identity":
		return r, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(r)
	case "deflate":
		return zlib.NewReader(r)
	}
	return nil, errors.ErrUnsupported
}

func undecodable(encoding string) error {
	return apierr.BodyParsingError("The request body could not be decoded as " + quoteName(encoding) + ".")
}

func tooLarge() error {
	return apierr.Text(http.StatusRequestEntityTooLarge, "The request body is larger than 8 MiB.")
}
