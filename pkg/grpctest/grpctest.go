package grpctest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
)

// CallerKey is the key all callers of a test share.
const CallerKey secret.Secret = "a key that only tests ever have!"

// Harness is a running server and what is needed to call it.
type Harness struct {
	// Server is the server, for grpcx.Policies.
	Server *grpcx.Server
	// Conn calls as the gateway does: the principal of the context ([As]) is
	// signed on the way, and errors come back as *apierr.Error.
	Conn *grpc.ClientConn
	// Signer signs the principals the server accepts.
	Signer *principal.Signer
	// Log holds what the server logged.
	Log *Log

	t        testing.TB
	clock    clock.Clock
	listener *bufconn.Listener
	cancel   context.CancelFunc
	stopped  chan error
}

// Option changes the configuration of the server under test.
type Option func(*grpcx.ServerConfig)

// New starts a server with the services that register registers. It stops with
// the test.
func New(t testing.TB, service string, register func(grpc.ServiceRegistrar), options ...Option) *Harness {
	t.Helper()
	h := &Harness{t: t, clock: clock.System(), listener: bufconn.Listen(1 << 20), Log: &Log{}}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if h.Signer, err = principal.NewSigner(h.clock, key); err != nil {
		t.Fatal(err)
	}
	cfg := grpcx.ServerConfig{
		Service: service,
		Logger:  slog.New(slog.NewTextHandler(h.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if cfg.Verifier, err = principal.NewVerifier(h.clock, h.Signer.PublicKey()); err != nil {
		t.Fatal(err)
	}
	if cfg.CallerVerifier, err = principal.NewCallerVerifier(h.clock, CallerKey); err != nil {
		t.Fatal(err)
	}
	for _, option := range options {
		option(&cfg)
	}
	if h.Server, err = grpcx.NewServer(cfg); err != nil {
		t.Fatal(err)
	}
	register(h.Server)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	h.cancel, h.stopped = cancel, make(chan error, 1)
	go func() {
		h.stopped <- h.Server.Run(ctx, h.listener)
		close(h.stopped)
	}()
	t.Cleanup(func() {
		if err := <-h.Stop(); err != nil {
			t.Errorf("server: %v", err)
		}
	})
	h.Conn = h.Dial(grpcx.ClientConfig{Signer: h.Signer})
	return h
}

// Dial returns another connection to the server; target and transport are
// filled in.
func (h *Harness) Dial(cfg grpcx.ClientConfig) *grpc.ClientConn {
	h.t.Helper()
	cfg.Target = "passthrough:///test"
	cfg.Options = append([]grpc.DialOption{h.dialer()}, cfg.Options...)
	conn, err := grpcx.Dial(context.WithoutCancel(h.t.Context()), cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Caller returns a connection that calls as the service of that name does.
func (h *Harness) Caller(service string) *grpc.ClientConn {
	h.t.Helper()
	signer, err := principal.NewCallerSigner(h.clock, service, CallerKey)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.Dial(grpcx.ClientConfig{Caller: signer})
}

// Raw returns a connection without any of our interceptors, for calls that an
// honest peer does not make.
func (h *Harness) Raw(options ...grpc.DialOption) *grpc.ClientConn {
	h.t.Helper()
	conn, err := grpc.NewClient("passthrough:///test", append(options,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		h.dialer(),
	)...)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Stop tells the server to stop and returns what its Run returns. The test
// does so at its end anyway.
func (h *Harness) Stop() <-chan error {
	h.cancel()
	return h.stopped
}

// DialContext opens a connection to the server.
func (h *Harness) DialContext(ctx context.Context) (net.Conn, error) {
	return h.listener.DialContext(ctx)
}

func (h *Harness) dialer() grpc.DialOption {
	return grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return h.DialContext(ctx) })
}

// As returns a context in which [Harness.Conn] calls as p.
func As(ctx context.Context, p principal.Principal) context.Context {
	return principal.NewContext(ctx, p)
}

// Log collects log lines of several goroutines.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// Contains reports whether text was logged.
func (l *Log) Contains(text string) bool { return strings.Contains(l.String(), text) }

// String returns all that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
