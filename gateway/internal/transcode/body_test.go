package transcode

import (
	"io"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
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

// However many long bodies come at once, no more is held than the limit.
func TestRead_floodOfLongBodies_staysWithinTheLimit(t *testing.T) {
	br := NewBodyReader(0)
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			r := httptest.NewRequest("POST", "/", spaces{t, br})
			r.Header.Set("Content-Type", "application/json")
			r.ContentLength = -1
			body, err := br.Read(r)
			defer body.Release()
			if err == nil {
				t.Error("a body without end was read")
			}
		})
	}
	wait.Wait()
	if br.Used() != 0 {
		t.Errorf("%d bytes are still held", br.Used())
	}
}
