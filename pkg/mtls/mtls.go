package mtls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"google.golang.org/grpc/credentials"

	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/principal"
)

// Config is the part of a process's environment that is about certificates.
type Config struct {
	// CertFile is the PEM file of this process's certificate with its chain. All
	// three files, or none for plain text.
	CertFile string `env:"TLS_CERT_FILE"`
	// KeyFile is the PEM file of its key.
	KeyFile string `env:"TLS_KEY_FILE"`
	// CAFile is the PEM file of the authorities whose certificates are believed.
	CAFile string `env:"TLS_CA_FILE"`
	// TrustDomain is that of all SPIFFE ids. A service is
	// spiffe://<trust domain>/<service> and a backend
	// spiffe://<trust domain>/backend/<name>.
	TrustDomain string `env:"TLS_TRUST_DOMAIN" envDefault:"vestibule"`
	// Callers names services whose ids are others, as
	// gateway=spiffe://example.org/ns/edge/sa/gateway,…
	Callers map[string]string `env:"TLS_CALLERS" envKeyValSeparator:"="`
	// Backends are the operator's own with a certificate, and their scopes, as
	// billing=payments:server:* identity:read:*,…
	Backends map[string]string `env:"BACKENDS" envKeyValSeparator:"="`
}

// Enabled reports whether connections are secured.
func (c Config) Enabled() bool { return c.CertFile != "" || c.KeyFile != "" || c.CAFile != "" }

// services may have a certificate.
var services = append([]string{"gateway"}, principal.Contexts...)

// Identity is who this process is and whom it believes. It is safe for
// concurrent use.
type Identity struct {
	source  *files
	domain  spiffeid.TrustDomain
	byName  map[string]spiffeid.ID
	peers   map[spiffeid.ID]grpcx.Peer
	granted map[string][]principal.Scope
}

// Load reads the files for the first time and checks that they belong together.
func Load(c Config) (*Identity, error) {
	if c.CertFile == "" || c.KeyFile == "" || c.CAFile == "" {
		return nil, errors.New("mtls: TLS_CERT_FILE, TLS_KEY_FILE and TLS_CA_FILE belong together")
	}
	domain, err := spiffeid.TrustDomainFromString(c.TrustDomain)
	if err != nil {
		return nil, fmt.Errorf("mtls: TLS_TRUST_DOMAIN: %w", err)
	}
	i := &Identity{
		source: &files{cert: c.CertFile, key: c.KeyFile, ca: c.CAFile, domain: domain}, domain: domain,
		byName: map[string]spiffeid.ID{}, peers: map[spiffeid.ID]grpcx.Peer{}, granted: map[string][]principal.Scope{},
	}
	for _, name := range services {
		if i.byName[name], err = spiffeid.FromSegments(domain, name); err != nil {
			return nil, fmt.Errorf("mtls: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Callers)) {
		if !slices.Contains(services, name) {
			return nil, fmt.Errorf("mtls: TLS_CALLERS names %q, which is none of %s", name, strings.Join(services, ", "))
		}
		if i.byName[name], err = spiffeid.FromString(c.Callers[name]); err != nil {
			return nil, fmt.Errorf("mtls: TLS_CALLERS: %s: %w", name, err)
		}
	}
	for name, id := range i.byName {
		if other, taken := i.peers[id]; taken {
			return nil, fmt.Errorf("mtls: %s and %s have the same id", name, other.Service)
		}
		i.peers[id] = grpcx.Peer{Service: name}
	}
	for name, text := range c.Backends {
		id, err := spiffeid.FromSegments(domain, "backend", name)
		if err != nil {
			return nil, fmt.Errorf("mtls: BACKENDS: %w", err)
		}
		if i.granted[name], err = principal.ParseScopes(text); err != nil {
			return nil, fmt.Errorf("mtls: BACKENDS: %s: %w", name, err)
		}
		i.peers[id] = grpcx.Peer{Backend: name}
	}
	return i, i.source.load()
}

// Server secures the connections of a server. The handshake fails with a
// client that is not on the list.
func (i *Identity) Server() credentials.TransportCredentials {
	config := tlsconfig.MTLSServerConfig(i.source, i.source, func(id spiffeid.ID, _ [][]*x509.Certificate) error {
		if _, known := i.peers[id]; !known {
			return fmt.Errorf("mtls: %s is not let in", id)
		}
		return nil
	})
	config.MinVersion = tls.VersionTLS13
	// A resumed session would skip the check of the certificate.
	config.SessionTicketsDisabled = true
	return credentials.NewTLS(config)
}

// Client secures connections to one service. The handshake fails with anybody
// else.
func (i *Identity) Client(service string) credentials.TransportCredentials {
	config := tlsconfig.MTLSClientConfig(i.source, i.source, tlsconfig.AuthorizeID(i.byName[service]))
	config.MinVersion = tls.VersionTLS13
	return credentials.NewTLS(config)
}

// Peer tells whose a certificate is that a handshake has verified.
func (i *Identity) Peer(certificate *x509.Certificate) grpcx.Peer {
	if len(certificate.URIs) != 1 {
		return grpcx.Peer{}
	}
	id, err := spiffeid.FromURI(certificate.URIs[0])
	if err != nil {
		return grpcx.Peer{}
	}
	return i.peers[id]
}

// Granted are the scopes of backends with a certificate, by name.
func (i *Identity) Granted() map[string][]principal.Scope { return i.granted }
