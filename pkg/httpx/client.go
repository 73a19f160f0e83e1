package httpx

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// ErrResponseTooLarge is returned while reading a body beyond the limit.
var ErrResponseTooLarge = errors.New("httpx: response is too large")

// ClientConfig configures [NewClient].
type ClientConfig struct {
	Dialer Dialer
	// Timeout bounds a whole exchange. 0 means 10 s.
	Timeout time.Duration
	// MaxResponse is the largest response body in bytes. 0 means 1 MiB.
	MaxResponse int64
	// MaxConnsPerHost bounds the connections to one host. 0 means 16.
	MaxConnsPerHost int
	// MaxRedirects is how many redirects are followed. 0 means none: the
	// redirect itself is the response. No redirect leads from https to http.
	MaxRedirects int
	// TLS is for tests that need their own authority.
	TLS *tls.Config
}

// NewClient returns a client for URLs that others chose. It has no cookies,
// uses no proxy of the environment (which would connect on its behalf,
// unchecked) and does not decompress.
func NewClient(cfg ClientConfig) *http.Client {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.MaxResponse == 0 {
		cfg.MaxResponse = 1 << 20
	}
	if cfg.MaxConnsPerHost == 0 {
		cfg.MaxConnsPerHost = 16
	}
	return &http.Client{
		Timeout: cfg.Timeout,
		Transport: &boundedTransport{max: cfg.MaxResponse, next: &http.Transport{
			DialContext:            cfg.Dialer.DialContext,
			TLSClientConfig:        cfg.TLS,
			TLSHandshakeTimeout:    5 * time.Second,
			ResponseHeaderTimeout:  cfg.Timeout,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns:           32,
			MaxIdleConnsPerHost:    2,
			MaxConnsPerHost:        cfg.MaxConnsPerHost,
			IdleConnTimeout:        30 * time.Second,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
		}},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			switch {
			case cfg.MaxRedirects == 0:
				return http.ErrUseLastResponse
			case len(via) > cfg.MaxRedirects:
				return fmt.Errorf("httpx: more than %d redirects", cfg.MaxRedirects)
			case next.URL.Scheme != "https" && via[len(via)-1].URL.Scheme == "https":
				return errors.New("httpx: redirect from https to " + next.URL.Scheme)
			}
			return nil
		},
	}
}

// boundedTransport bounds response bodies.
type boundedTransport struct {
	max  int64
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = &boundedBody{ReadCloser: res.Body, left: t.max}
	return res, nil
}

// CloseIdleConnections lets http.Client close what is idle.
func (t *boundedTransport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more than allowed tells a full body from a longer one
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		n, err = int(b.left), ErrResponseTooLarge
	}
	b.left -= int64(n)
	return n, err
}
