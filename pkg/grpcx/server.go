package grpcx

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"vestibule.dev/pkg/obs"
	"vestibule.dev/pkg/principal"
)

// MaxMessage is the largest message that servers and clients receive, in bytes.
// It holds a body of 8 MiB as the gateway accepts it, and a rendered
// configuration whose three levels are as long as they may be.
const MaxMessage = 16 << 20

// noMeters keeps what measures by itself from measuring twice.
var noMeters = noop.NewMeterProvider()

const (
	// maxHeaderList bounds the metadata of a request.
	maxHeaderList = 64 << 10
	// drainLimit is how long requests may take to finish when the server stops.
	drainLimit = 20 * time.Second
	// streamWorkers is how many calls are served by goroutines that stay.
	streamWorkers = 32
)

// ServerConfig configures [NewServer].
type ServerConfig struct {
	// Service is the server's own name, such as "teams".
	Service string
	// Verifier checks principals. Servers with internal methods alone may
	// leave it out.
	Verifier *principal.Verifier
	// CallerVerifier checks the tokens of other services. Without it, callers
	// are named by their client certificate.
	CallerVerifier *principal.CallerVerifier
	// Peers tells whose a verified client certificate is; it comes with
	// Credentials.
	Peers func(*x509.Certificate) Peer
	// Backends lets the operator's own backends call public methods. The zero
	// value lets in none.
	Backends Backends
	// Validator checks requests; nil means [NewValidator].
	Validator Validator
	// InFlightLimit is how many requests are worked on at a time; what exceeds
	// it is refused. 0 means 256.
	InFlightLimit int
	// Unlimited names full methods that are let in at any load, such as the
	// revocation of a session.
	Unlimited []string
	// Bound is told for each request how many bytes its answer has at most, and
	// returns the context in which that is known; nil tells nobody.
	Bound func(ctx context.Context, bytes int) context.Context
	// Ready reports whether the service can do its work, which is whether its
	// own database answers. nil means always.
	Ready func(context.Context) error
	// Observe is called once per request with its final status.
	Observe func(ctx context.Context, method string, code codes.Code, elapsed time.Duration)
	// Credentials secure the transport; nil means plain text, for loopback.
	Credentials credentials.TransportCredentials
	Telemetry   *obs.Telemetry
	Logger      *slog.Logger
}

// Server is a gRPC server with the chain of guards. It is a
// grpc.ServiceRegistrar for generated code.
type Server struct {
	cfg       ServerConfig
	grpc      *grpc.Server
	policies  map[string]*MethodPolicy
	unlimited map[string]bool
	inFlight  atomic.Int64
	shed      atomic.Int64
	rates     backendRates
	problems  []error
}

var _ grpc.ServiceRegistrar = (*Server)(nil)

// NewServer returns a server that serves health and reflection so far.
func NewServer(cfg ServerConfig) (*Server, error) {
	if cfg.Service == "" {
		return nil, errors.New("grpcx: server without a service name")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.InFlightLimit == 0 {
		cfg.InFlightLimit = 256
	}
	if cfg.Validator == nil {
		cfg.Validator = NewValidator()
	}
	s := &Server{cfg: cfg, policies: map[string]*MethodPolicy{}, unlimited: map[string]bool{}}
	for _, method := range cfg.Unlimited {
		s.unlimited[method] = true
	}
	opts := []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(s.chain()...),
		grpc.StreamInterceptor(s.refuseStream),
		grpc.MaxRecvMsgSize(MaxMessage),
		grpc.MaxHeaderListSize(maxHeaderList),
		grpc.MaxConcurrentStreams(1024),
		grpc.ConnectionTimeout(5 * time.Second),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		// A goroutine per call would grow its stack anew through the
		// interceptors, which costs a seventh of a small call. These keep
		// theirs; more calls than workers get goroutines of their own.
		grpc.NumStreamWorkers(streamWorkers),
		// Connections end now and then, so that clients find new replicas.
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge: 5 * time.Minute, MaxConnectionAgeGrace: drainLimit,
			Time: 30 * time.Second, Timeout: 10 * time.Second,
		}),
	}
	if cfg.Credentials != nil {
		opts = append(opts, grpc.Creds(cfg.Credentials))
	}
	if cfg.Telemetry.Exporting() {
		opts = append(opts, grpc.StatsHandler(otelgrpc.NewServerHandler(
			otelgrpc.WithTracerProvider(cfg.Telemetry.Tracers),
			otelgrpc.WithMeterProvider(noMeters), // measured by the chain, with fewer attributes
			otelgrpc.WithPropagators(obs.Propagator),
		)))
	}
	s.grpc = grpc.NewServer(opts...)
	healthpb.RegisterHealthServer(s.grpc, &health{service: cfg.Service, ready: cfg.Ready, log: cfg.Logger})
	reflection.Register(s.grpc)
	return s, nil
}

// RegisterService registers a service and looks up the policies of its
// methods. What is wrong with them is reported by [Server.Err] and keeps the
// server from serving.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	methods, err := servicePolicies(desc.ServiceName)
	if err != nil {
		s.problems = append(s.problems, err)
	}
	if len(desc.Streams) > 0 {
		s.problems = append(s.problems, fmt.Errorf("%s has streams, which have no policy", desc.ServiceName))
	}
	for i := range methods {
		m := &methods[i]
		if m.Internal() {
			if s.cfg.CallerVerifier == nil && (s.cfg.Credentials == nil || s.cfg.Peers == nil) {
				s.problems = append(s.problems, fmt.Errorf("%s is internal and the server cannot tell callers", m.FullMethod))
			}
		} else if s.cfg.Verifier == nil {
			s.problems = append(s.problems, fmt.Errorf("%s is public and the server has no verifier", m.FullMethod))
		}
		s.policies[m.FullMethod] = m
	}
	s.grpc.RegisterService(desc, impl)
}

// Err returns what keeps the server from serving, such as methods without a
// policy, naming each.
func (s *Server) Err() error {
	if err := errors.Join(s.problems...); err != nil {
		return fmt.Errorf("grpcx: %s: %w", s.cfg.Service, err)
	}
	return nil
}

// Load tells how busy a server is.
type Load struct {
	// InFlight is the number of requests worked on, Limit the most there may
	// be, and Shed how many were refused because of it since the start.
	InFlight, Limit, Shed int64
	// RateLimited is how many calls of backends were refused because they came
	// too fast.
	RateLimited int64
}

// Load tells how busy the server is.
func (s *Server) Load() Load {
	return Load{InFlight: s.inFlight.Load(), Limit: int64(s.cfg.InFlightLimit), Shed: s.shed.Load(), RateLimited: s.rates.refused.Load()}
}

// GetServiceInfo returns what is registered, health and reflection included.
func (s *Server) GetServiceInfo() map[string]grpc.ServiceInfo { return s.grpc.GetServiceInfo() }

// Run serves on l until ctx ends. It then lets requests finish for up to 20
// seconds and cuts off the rest. It closes l.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	if err := s.Err(); err != nil {
		return errors.Join(err, l.Close())
	}
	served := make(chan error, 1)
	go func() { served <- s.grpc.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("grpcx: serve: %w", err)
	case <-ctx.Done():
	}
	cutOff := time.AfterFunc(drainLimit, s.grpc.Stop)
	defer cutOff.Stop()
	s.grpc.GracefulStop()
	if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("grpcx: serve: %w", err)
	}
	return nil
}

// refuseStream lets in the streams of health and reflection and no other: the
// guards know unary calls alone.
func (s *Server) refuseStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if !exempt(info.FullMethod) {
		return status.Error(codes.Unimplemented, "streams are not served")
	}
	return next(srv, stream)
}
