// Package asset promises files that are embedded in the program to browsers:
// compressed for those who take it, and kept by them until they change.
package asset

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// File is a file as it is served. Compressed content is sent as it is to
// whoever takes it, and unpacked on the way to others.
type File struct {
	contentType string
	content     []byte
	gzipped     bool
	// tag is computed when somebody asks, because most processes serve no
	// documentation.
	tag func() string
}

// New makes a File of content, which may be compressed by gzip already.
func New(contentType string, content []byte, gzipped bool) *File {
	return &File{contentType: contentType, content: content, gzipped: gzipped, tag: sync.OnceValue(func() string {
		sum := sha256.Sum256(content)
		return hex.EncodeToString(sum[:12])
	})}
}

// Compress makes a File of content that is not needed in readable form.
func Compress(contentType string, content []byte) (*File, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return New(contentType, bytes.Clone(b.Bytes()), true), nil
}

// Serve answers GET and HEAD. Browsers keep the answer and ask whether it is
// still the same.
func (a *File) Serve(w http.ResponseWriter, r *http.Request) error {
	packed := a.gzipped && takesGzip(r.Header.Get("Accept-Encoding"))
	// The tag is weak: it stands for the content in either encoding.
	tag := `W/"` + a.tag() + `"`
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache")
	if a.gzipped {
		h.Set("Vary", "Accept-Encoding")
	}
	if matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", a.contentType)
	switch {
	case packed:
		h.Set("Content-Encoding", "gzip")
		fallthrough
	case !a.gzipped:
		h.Set("Content-Length", strconv.Itoa(len(a.content)))
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	var content io.Reader = bytes.NewReader(a.content)
	if a.gzipped && !packed {
		unpacked, err := gzip.NewReader(content)
		if err != nil {
			return err
		}
		content = unpacked
	}
	_, err := io.Copy(w, content)
	return err
}

// takesGzip reads an Accept-Encoding header (RFC 9110 section 12.5.3).
func takesGzip(accept string) bool {
	for entry := range strings.SplitSeq(accept, ",") {
		name, parameter, _ := strings.Cut(entry, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			quality, found := strings.CutPrefix(strings.ReplaceAll(parameter, " ", ""), "q=")
			return !found || strings.Trim(quality, "0.") != ""
		}
	}
	return false
}

// matches reads an If-None-Match header (RFC 9110 section 13.1.2), whose
// comparison is weak.
func matches(header, tag string) bool {
	for entry := range strings.SplitSeq(header, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "*" || strings.TrimPrefix(entry, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
