package mtls_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/mtls"
)

// authority issues certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		URIs: []*url.URL{{Scheme: "spiffe", Host: "vestibule"}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{t, cert, key}
}

// issue puts a certificate for the id into dir and returns the configuration
// that uses it.
func (a authority) issue(dir, id string) mtls.Config {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	uri, err := url.Parse(id)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), URIs: []*url.URL{uri}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore:   time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(dir, name)
		text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
		if err := os.WriteFile(path, text, 0o600); err != nil {
			a.t.Fatal(err)
		}
		return path
	}
	return mtls.Config{
		CertFile: write("cert.pem", "CERTIFICATE", der), KeyFile: write("key.pem", "PRIVATE KEY", pkcs8),
		CAFile: write("ca.pem", "CERTIFICATE", a.cert.Raw), TrustDomain: "vestibule",
	}
}

func load(t *testing.T, c mtls.Config) *mtls.Identity {
	t.Helper()
	identity, err := mtls.Load(c)
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

// server answers health checks and says in the log who asked.
type server struct {
	healthpb.UnimplementedHealthServer
	identity *mtls.Identity
	peers    chan grpcx.Peer
}

func (s *server) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	p, _ := peer.FromContext(ctx)
	s.peers <- s.identity.Peer(p.AuthInfo.(credentials.TLSInfo).State.PeerCertificates[0])
	return &healthpb.HealthCheckResponse{}, nil
}

func serve(t *testing.T, identity *mtls.Identity) (address string, peers <-chan grpcx.Peer) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{identity: identity, peers: make(chan grpcx.Peer, 1)}
	g := grpc.NewServer(grpc.Creds(identity.Server()))
	healthpb.RegisterHealthServer(g, s)
	go func() { _ = g.Serve(listener) }()
	t.Cleanup(g.Stop)
	return listener.Addr().String(), s.peers
}

func ask(t *testing.T, address string, creds credentials.TransportCredentials) error {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	return err
}

func TestServer_listedPeers_areNamedAndOthersRefused(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	config := ca.issue(t.TempDir(), "spiffe://vestibule/teams")
	config.Callers = map[string]string{"gateway": "spiffe://vestibule/ns/edge/sa/gateway"}
	config.Backends = map[string]string{"billing": "payments:server:* identity:read:*"}
	identity := load(t, config)
	address, peers := serve(t, identity)
	for name, tt := range map[string]struct {
		by   authority
		id   string
		want grpcx.Peer
	}{
		"a service":                       {ca, "spiffe://vestibule/identity", grpcx.Peer{Service: "identity"}},
		"a service with an id of its own": {ca, "spiffe://vestibule/ns/edge/sa/gateway", grpcx.Peer{Service: "gateway"}},
		"the id it would otherwise have":  {ca, "spiffe://vestibule/gateway", grpcx.Peer{}},
		"a backend":                       {ca, "spiffe://vestibule/backend/billing", grpcx.Peer{Backend: "billing"}},
		"a backend nobody knows":          {ca, "spiffe://vestibule/backend/other", grpcx.Peer{}},
		"somebody else":                   {ca, "spiffe://vestibule/wiki", grpcx.Peer{}},
		"another trust domain":            {ca, "spiffe://elsewhere/identity", grpcx.Peer{}},
		"a service of another authority":  {stranger, "spiffe://vestibule/identity", grpcx.Peer{}},
	} {
		t.Run(name, func(t *testing.T) {
			caller := tt.by.issue(t.TempDir(), tt.id)
			if tt.by != ca { // it believes the right one and is not believed
				caller.CAFile = config.CAFile
			}
			err := ask(t, address, load(t, caller).Client("teams"))
			if tt.want == (grpcx.Peer{}) {
				if status.Code(err) != codes.Unavailable {
					t.Errorf("answered with %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := <-peers; got != tt.want {
				t.Errorf("is %+v, want %+v", got, tt.want)
			}
		})
	}
	if granted := identity.Granted()["billing"]; len(granted) != 2 {
		t.Errorf("billing has %v", granted)
	}
}

func TestClient_anotherServer_isNotTalkedTo(t *testing.T) {
	ca := newAuthority(t)
	address, _ := serve(t, load(t, ca.issue(t.TempDir(), "spiffe://vestibule/payments")))
	caller := load(t, ca.issue(t.TempDir(), "spiffe://vestibule/identity"))
	if err := ask(t, address, caller.Client("teams")); status.Code(err) != codes.Unavailable {
		t.Errorf("answered with %v", err)
	}
	if err := ask(t, address, caller.Client("payments")); err != nil {
		t.Error(err)
	}
}

func TestFiles_replaced_areUsedWithoutRestart(t *testing.T) {
	before, after := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	address, peers := serve(t, load(t, before.issue(dir, "spiffe://vestibule/teams")))
	caller := load(t, after.issue(t.TempDir(), "spiffe://vestibule/identity"))
	if err := ask(t, address, caller.Client("teams")); status.Code(err) != codes.Unavailable {
		t.Fatalf("before: %v", err)
	}
	config := after.issue(dir, "spiffe://vestibule/teams")
	for _, path := range []string{config.CertFile, config.KeyFile, config.CAFile} {
		later := time.Now().Add(time.Second) // file systems with coarse clocks
		if err := os.Chtimes(path, later, later); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask(t, address, caller.Client("teams")); err != nil {
		t.Fatalf("after: %v", err)
	}
	<-peers
}

func TestLoad_mistakes_areNamed(t *testing.T) {
	good := newAuthority(t).issue(t.TempDir(), "spiffe://vestibule/teams")
	for name, spoil := range map[string]func(*mtls.Config){
		"a file is missing":         func(c *mtls.Config) { c.CAFile = "" },
		"a file is not there":       func(c *mtls.Config) { c.CertFile += "x" },
		"a file of the wrong kind":  func(c *mtls.Config) { c.KeyFile = c.CAFile },
		"an odd trust domain":       func(c *mtls.Config) { c.TrustDomain = "A b" },
		"an unknown caller":         func(c *mtls.Config) { c.Callers = map[string]string{"wiki": "spiffe://vestibule/wiki"} },
		"an odd id":                 func(c *mtls.Config) { c.Callers = map[string]string{"teams": "teams.svc"} },
		"an id given twice":         func(c *mtls.Config) { c.Callers = map[string]string{"teams": "spiffe://vestibule/identity"} },
		"a backend with odd scopes": func(c *mtls.Config) { c.Backends = map[string]string{"billing": "everything"} },
	} {
		c := good
		spoil(&c)
		if _, err := mtls.Load(c); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}
