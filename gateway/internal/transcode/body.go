package transcode

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"

	"vestibule.dev/pkg/apierr"
)

const (
	// maxBody is the largest body after decoding.
	maxBody = 8 << 20
	// smallBody is what a request may hold without a reservation, and
	// mediumBody what a longer one reserves as long as its length is not known.
	smallBody  = 16 << 10
	mediumBody = 1 << 20
	// bodyCost is how often a body is in memory: as it came and as it is read.
	bodyCost = 2
	// longestWait is how long a request waits for room; then it is told to come
	// back.
	longestWait = 3 * time.Second
	// maxFormFields bounds the fields of a form and the query parameters.
	maxFormFields = 1000
)

// fullBody is the memory that a body of the largest size takes.
const fullBody = bodyCost * (maxBody + 1)

// BodyReader decodes request bodies. Large ones share a budget, so that a
// hundred uploads at once cost waiting time instead of memory.
type BodyReader struct {
	budget *semaphore.Weighted
	// full is the room for one body of more than mediumBody. It is apart from
	// the budget: whoever waits for it holds a part of that, and all of them
	// would wait for each other.
	full *semaphore.Weighted
	size int64
	used atomic.Int64
	// large buffers are for those bodies, and medium ones for those that may be
	// as long as mediumBody. They are reused, because what a flood leaves behind
	// would add up until it is collected.
	large, medium sync.Pool
}

// NewBodyReader returns a reader that uses at most budget bytes for bodies of
// up to 1 MiB at a time, and the room of one full body for longer ones; less
// than what a body of 1 MiB needs is rounded up to it.
func NewBodyReader(budget int64) *BodyReader {
	budget = max(budget, bodyCost*mediumBody)
	return &BodyReader{
		budget: semaphore.NewWeighted(budget),
		full:   semaphore.NewWeighted(1),
		size:   budget + fullBody,
		large:  sync.Pool{New: func() any { return newBuffer(maxBody + 1) }},
		medium: sync.Pool{New: func() any { return newBuffer(mediumBody) }},
	}
}

// newBuffer returns a buffer that need not grow for a body of the size.
func newBuffer(size int) *bytes.Buffer {
	return bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
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
	held := &reservation{reader: br, buf: new(bytes.Buffer), limit: maxBody}
	if err := held.read(r); err != nil {
		held.release()
		return Body{}, err
	}
	v, err := decode(held.buf.Bytes())
	held.recycle()
	if err != nil {
		held.release()
		return Body{}, apierr.BodyParsingError("The request body could not be read: " + err.Error() + ".")
	}
	return Body{present: true, value: v, release: held.release}, nil
}

// ReadRaw reads a body of at most limit bytes, less than a MiB, as it came: for
// what is signed byte by byte. The bytes are good until release is called.
func (br *BodyReader) ReadRaw(r *http.Request, limit int64) (data []byte, release func(), err error) {
	held := &reservation{reader: br, buf: new(bytes.Buffer), limit: limit, raw: true}
	if err := held.read(r); err != nil {
		held.release()
		return nil, nil, err
	}
	return held.buf.Bytes(), held.release, nil
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

// reservation is what one request takes of the budget.
type reservation struct {
	reader *BodyReader
	// held is how much of the budget, full whether the room for a full body.
	held int64
	full bool
	// buf is the body as it came. What is read from it is a copy.
	buf *bytes.Buffer
	// limit is the longest body. A raw one keeps its content encoding.
	limit int64
	raw   bool
}

// read fills the buffer with the body after undoing its content encoding.
func (h *reservation) read(r *http.Request) error {
	encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
	if h.raw {
		encoding = ""
	}
	plain := encoding == "" || encoding == "identity"
	if plain && r.ContentLength > h.limit {
		return tooLarge(h.limit)
	}
	body, err := decompress(encoding, io.LimitReader(r.Body, h.limit+1))
	if err != nil {
		return undecodable(encoding)
	}
	// A body takes room as it grows, so that whoever sends slowly, or lies about
	// the length, holds little.
	for _, size := range steps(plain, r.ContentLength, h.limit) {
		if size > smallBody {
			if err := h.reserve(r.Context(), size); err != nil {
				return err
			}
		}
		if _, err = h.buf.ReadFrom(io.LimitReader(body, size-int64(h.buf.Len()))); err != nil || int64(h.buf.Len()) < size {
			break
		}
	}
	// The server may bound what is sent, whatever it decodes to.
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return tooLarge(h.limit)
	}
	switch {
	case err != nil && !plain:
		return undecodable(encoding)
	case err != nil:
		return apierr.BodyParsingError("The request body ended early.")
	case int64(h.buf.Len()) > h.limit:
		return tooLarge(h.limit)
	}
	return nil
}

// steps are the sizes up to which a body is read before it needs more room. The
// last is one more than there should be, which tells a full body from a longer
// one.
func steps(plain bool, length, limit int64) []int64 {
	last := limit + 1
	if plain && length > 0 {
		last = length + 1
	}
	sizes := []int64{smallBody, mediumBody, last}
	for len(sizes) > 1 && sizes[len(sizes)-2] >= last {
		sizes = append(sizes[:len(sizes)-2], last)
	}
	return sizes
}

// reserve waits until a body of the size may be held, and makes room in the
// buffer. The wait is bounded: who holds the room slows others down but never
// locks them out.
func (h *reservation) reserve(ctx context.Context, size int64) error {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	if size > mediumBody {
		if err := h.reader.full.Acquire(ctx, 1); err != nil {
			return apierr.Unavailable(time.Second).WithCause(err)
		}
		h.full = true
		h.reader.used.Add(fullBody)
		h.move(&h.reader.large)
		return nil
	}
	more := bodyCost*size - h.held
	if err := h.reader.budget.Acquire(ctx, more); err != nil {
		return apierr.Unavailable(time.Second).WithCause(err)
	}
	h.held += more
	h.reader.used.Add(more)
	if size == mediumBody {
		h.move(&h.reader.medium)
	} else {
		h.buf.Grow(int(size) - h.buf.Len() + bytes.MinRead)
	}
	return nil
}

// move goes on with a buffer of the pool.
func (h *reservation) move(pool *sync.Pool) {
	roomy, _ := pool.Get().(*bytes.Buffer)
	roomy.Write(h.buf.Bytes())
	h.recycle()
	h.buf = roomy
}

// recycle gives the buffer back, once nothing refers to it.
func (h *reservation) recycle() {
	if h.buf == nil {
		return
	}
	pool := &h.reader.medium
	switch size := h.buf.Cap(); {
	case size > maxBody:
		pool = &h.reader.large
	case size < mediumBody:
		pool = nil // not worth keeping
	}
	if pool != nil {
		h.buf.Reset()
		pool.Put(h.buf)
	}
	h.buf = nil
}

// release gives back all that is held.
func (h *reservation) release() {
	h.recycle()
	h.reader.used.Add(-h.held)
	h.reader.budget.Release(h.held)
	h.held = 0
	if h.full {
		h.full = false
		h.reader.used.Add(-fullBody)
		h.reader.full.Release(1)
	}
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

func tooLarge(limit int64) error {
	return apierr.Text(http.StatusRequestEntityTooLarge, fmt.Sprintf("The request body is larger than %d MiB.", (limit+1)>>20))
}
