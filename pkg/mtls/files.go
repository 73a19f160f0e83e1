package mtls

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

// files is the certificate and the authorities as three files hold them now.
// While they are being replaced and do not fit together, the ones before serve
// on.
type files struct {
	cert, key, ca string
	domain        spiffeid.TrustDomain

	mu      sync.Mutex
	changed [3]time.Time
	svid    *x509svid.SVID
	bundle  *x509bundle.Bundle
}

// GetX509SVID implements x509svid.Source.
func (f *files) GetX509SVID() (*x509svid.SVID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refresh()
	return f.svid, nil
}

// GetX509BundleForTrustDomain implements x509bundle.Source.
func (f *files) GetX509BundleForTrustDomain(domain spiffeid.TrustDomain) (*x509bundle.Bundle, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refresh()
	return f.bundle.GetX509BundleForTrustDomain(domain)
}

func (f *files) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read()
}

// refresh reads the files again if one of them was replaced. Handshakes are
// rare enough to look every time.
func (f *files) refresh() {
	if now, err := f.times(); err == nil && now != f.changed {
		_ = f.read()
	}
}

func (f *files) read() error {
	changed, err := f.times()
	if err != nil {
		return fmt.Errorf("mtls: %w", err)
	}
	svid, svidErr := x509svid.Load(f.cert, f.key)
	bundle, bundleErr := x509bundle.Load(f.domain, f.ca)
	if err := errors.Join(svidErr, bundleErr); err != nil {
		return fmt.Errorf("mtls: %w", err)
	}
	f.changed, f.svid, f.bundle = changed, svid, bundle
	return nil
}

func (f *files) times() (times [3]time.Time, err error) {
	for i, path := range []string{f.cert, f.key, f.ca} {
		info, err := os.Stat(path)
		if err != nil {
			return times, err
		}
		times[i] = info.ModTime()
	}
	return times, nil
}
