package edge

import "net/http"

// hooked calls before exactly once, just ahead of the header going out; before
// may change the status.
type hooked struct {
	http.ResponseWriter
	before func(h http.Header, status int) int
	wrote  bool
	status int
	bytes  int64
}

func (w *hooked) WriteHeader(status int) {
	if w.wrote {
		return
	}
	w.wrote = true
	if w.before != nil {
		status = w.before(w.Header(), status)
	}
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *hooked) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *hooked) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// serve runs next with the hook. A handler that writes nothing answers 200.
func serve(next http.Handler, w http.ResponseWriter, r *http.Request, before func(http.Header, int) int) *hooked {
	h := &hooked{ResponseWriter: w, before: before}
	next.ServeHTTP(h, r)
	h.WriteHeader(http.StatusOK)
	return h
}
