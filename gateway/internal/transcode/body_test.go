package transcode

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"vestibule.dev/pkg/apierr"
)

// spaces is a body without end that watches how much its reader holds.
type spaces struct {
	t  *testing.T
	br *BodyReader
}

func (s spaces) Read(p []byte) (int, error) {
	if used := s.br.Used(); used > s.br.Limit() {
		s.t.Errorf("%d bytes are held, %d may be", used, s.br.Limit())
		return 0, io.EOF
	}
	runtime.Gosched()
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// However many long bodies come at once, of whichever kind, no more is held than
// the limit.
func TestRead_floodOfLongBodies_staysWithinTheLimit(t *testing.T) {
	br := NewBodyReader(0)
	endless := func() *http.Request {
		r := httptest.NewRequest("POST", "/", spaces{t, br})
		r.Header.Set("Content-Type", "application/json")
		r.ContentLength = -1
		return r
	}
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			body, err := br.Read(endless())
			defer body.Release()
			if err == nil {
				t.Error("a body without end was read")
			}
		})
		wait.Go(func() {
			if _, _, err := br.ReadRaw(endless(), 1<<20-1); err == nil {
				t.Error("a raw body without end was read")
			}
		})
	}
	wait.Wait()
	if br.Used() != 0 {
		t.Errorf("%d bytes are still held", br.Used())
	}
}

// What is signed byte by byte is read as it came, up to the limit, and holds room
// until it is given back.
func TestReadRaw_bodies_stayAsTheyCame(t *testing.T) {
	br := NewBodyReader(0)
	for _, tt := range []struct {
		body, encoding string
		length         int64
		refused        bool
	}{
		{body: "", length: 0},
		{body: "no JSON", encoding: "gzip", length: 7},
		{body: strings.Repeat("x", 100<<10), length: -1},
		{body: strings.Repeat("x", 100<<10), length: 100 << 10},
		{body: strings.Repeat("x", 100<<10+1), length: -1, refused: true},
		{body: strings.Repeat("x", 100<<10+1), length: 100<<10 + 1, refused: true},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
		r.Header.Set("Content-Encoding", tt.encoding)
		r.ContentLength = tt.length
		data, release, err := br.ReadRaw(r, 100<<10)
		if known, ok := errors.AsType[*apierr.Error](err); tt.refused != ok || ok && known.HTTP != http.StatusRequestEntityTooLarge {
			t.Errorf("%d bytes: %v", len(tt.body), err)
		}
		if err != nil {
			continue
		}
		if string(data) != tt.body || (len(tt.body) > smallBody) != (br.Used() > 0) {
			t.Errorf("%d of %d bytes, %d are held", len(data), len(tt.body), br.Used())
		}
		release()
	}
	if br.Used() != 0 {
		t.Errorf("%d bytes are still held", br.Used())
	}
}
