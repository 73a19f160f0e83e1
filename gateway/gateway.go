// Package gateway promises that whoever reaches a service through it is known,
// within bounds, and says only what the API contract allows.
//
// It holds no rule about users, teams or money: it refuses what is malformed,
// unauthenticated or too fast, and hands the rest to the context that decides.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"vestibule.dev/gateway/internal/authn"
	"vestibule.dev/gateway/internal/checkout"
	"vestibule.dev/gateway/internal/config"
	"vestibule.dev/gateway/internal/docs"
	"vestibule.dev/gateway/internal/edge"
	"vestibule.dev/gateway/internal/facts"
	"vestibule.dev/gateway/internal/routes"
	"vestibule.dev/gateway/internal/transcode"
	"vestibule.dev/gateway/internal/upstream"
	"vestibule.dev/pkg/accesstoken"
	"vestibule.dev/pkg/bus"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/environ"
	"vestibule.dev/pkg/footprint"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/httpx"
	"vestibule.dev/pkg/mtls"
	"vestibule.dev/pkg/obs"
	"vestibule.dev/pkg/ops"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/rate"
	"vestibule.dev/pkg/runner"
	identityv1 "vestibule.dev/proto/identity/v1"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
)

// Config is the environment of the gateway.
type Config = config.Config

// LoadConfig reads the GATEWAY_ variables of the process.
func LoadConfig() (Config, error) { return config.Load(os.Environ()) }

// CheckHealth asks the gateway of the same environment whether it is ready.
func CheckHealth(ctx context.Context) error {
	var cfg struct {
		OpsAddr string `env:"OPS_ADDR,required"`
	}
	if err := environ.Load(os.Environ(), "gateway", &cfg); err != nil {
		return err
	}
	return ops.Check(ctx, cfg.OpsAddr)
}

// Gateway is the edge of the system.
type Gateway struct {
	cfg      Config
	log      *slog.Logger
	handler  http.Handler
	projects *authn.Projects
	tokens   *accesstoken.Verifier
	group    *runner.Group
}

// loopback is the value of Config.Proxy for development.
const loopback = "loopback"

// deps are what tests replace.
type deps struct {
	log         *slog.Logger
	clock       clock.Clock
	telemetry   *obs.Telemetry
	services    []routes.Service
	connections map[string]grpc.ClientConnInterface
}

// New connects a gateway to the services, which need not be up yet. The
// connections end with ctx. It fails when an operation lacks a policy.
func New(ctx context.Context, cfg Config) (*Gateway, error) {
	log := obs.NewLogger(os.Stderr, obs.LogConfig{Service: "gateway", Level: cfg.LogLevel, Text: cfg.LogText})
	telemetry, err := obs.StartTelemetry(ctx, obs.TelemetryConfig{
		Service: "gateway", Version: Version(), Endpoint: cfg.OTLPEndpoint, Scraped: cfg.OpsAddr != "",
	})
	if err != nil {
		return nil, err
	}
	key, err := principal.ParsePrivateKey(cfg.PrincipalKey)
	if err != nil {
		return nil, err
	}
	signer, err := principal.NewSigner(clock.System(), key)
	if err != nil {
		return nil, err
	}
	base := grpcx.ClientConfig{Signer: signer, Telemetry: telemetry}
	secure := func(string) credentials.TransportCredentials { return nil }
	if cfg.TLS.Enabled() {
		identity, err := mtls.Load(cfg.TLS)
		if err != nil {
			return nil, err
		}
		secure = identity.Client
	} else {
		keys, err := principal.ParseCallerKeys(cfg.ServiceKey)
		if err != nil {
			return nil, err
		}
		if base.Caller, err = principal.NewCallerSigner(clock.System(), "gateway", keys[0]); err != nil {
			return nil, err
		}
	}
	connections, err := upstream.Dial(ctx, map[string]string{
		"identity":      cfg.IdentityAddr,
		"sessions":      cfg.SessionsAddr,
		"teams":         cfg.TeamsAddr,
		"notifications": cfg.NotificationsAddr,
		"payments":      cfg.PaymentsAddr,
	}, base, secure)
	if err != nil {
		return nil, err
	}
	g, err := assemble(ctx, cfg, deps{
		log: log, clock: clock.System(), telemetry: telemetry,
		services: routes.Services(), connections: connections,
	})
	if err != nil {
		return nil, err
	}
	g.group.Add(runner.Pools, "telemetry", telemetry.Run)
	return g, nil
}

// assemble is New from the connections on.
func assemble(ctx context.Context, cfg Config, d deps) (*Gateway, error) {
	identity := identityv1.NewProjectInternalServiceClient(d.connections["identity"])
	sessions := sessionsv1.NewTokenInternalServiceClient(d.connections["sessions"])

	projects := authn.NewProjects(identity, d.clock)
	tokens := authn.NewAccessTokens(sessions, d.clock, cfg.PublicURL)
	var revoked *authn.Revocations
	if cfg.RefuseRevokedFor > 0 {
		revoked = authn.NewRevocations(cfg.RefuseRevokedFor, d.clock)
	}
	limiter := edge.NewLimiter(limits(cfg), d.clock)
	var told *facts.Publisher
	if cfg.NATSURL != "" {
		told = facts.New(d.clock, d.log)
	}
	locator, err := newLocator(cfg)
	if err != nil {
		return nil, err
	}
	bodies, load := transcode.NewBodyReader(cfg.BodyMemory), &edge.Load{}
	requests, err := obs.NewCalls(d.telemetry, "http.server.request.duration",
		"http.request.method", "http.route", "http.response.status_code")
	if err != nil {
		return nil, err
	}
	if err := measure(d.telemetry, cfg.MaxInFlight, load, limiter, bodies); err != nil {
		return nil, err
	}
	api, err := routes.New(ctx, routes.Config{
		Services:       d.services,
		Connections:    d.connections,
		Authenticator:  authn.New(projects, tokens, identity, d.clock, revoked),
		Limiter:        limiter,
		Facts:          told,
		Bodies:         bodies,
		ProjectChanged: projects.Drop,
		Log:            d.log,
	})
	if err != nil {
		return nil, err
	}
	documented, err := docs.New(docs.Config{
		Routes: api.Table().Routes(), Origin: cfg.PublicURL, Version: Version(), Log: d.log,
	}, api)
	if err != nil {
		return nil, err
	}
	pages, err := checkout.New(checkout.Config{StripeJSURL: cfg.StripeJSURL}, documented)
	if err != nil {
		return nil, err
	}
	g := &Gateway{cfg: cfg, log: d.log, projects: projects, tokens: tokens}
	g.handler = edge.Chain(edge.Config{
		Log:         d.log,
		Clock:       d.clock,
		Tracers:     d.telemetry.Tracers,
		Locator:     locator,
		MaxInFlight: cfg.MaxInFlight,
		Load:        load,
		Requests:    requests,
		Limiter:     limiter,
		Facts:       told,
	}, pages)

	g.group = runner.New(runner.Config{Logger: d.log, Grace: cfg.ShutdownGrace})
	g.group.Add(runner.Servers, "http", g.serve)
	g.group.Add(runner.Workers, "footprint", footprint.Run)
	if cfg.OpsAddr != "" {
		// The last to stop, so that it can tell that the others do.
		g.group.Add(runner.Pools, "ops", func(ctx context.Context) error {
			return ops.Run(ctx, ops.Config{Addr: cfg.OpsAddr, Ready: g.ready, Metrics: d.telemetry.Metrics(), Logger: d.log})
		})
	}
	if cfg.NATSURL != "" {
		b, err := bus.Connect(bus.Config{URL: cfg.NATSURL, Name: "gateway", Logger: d.log})
		if err != nil {
			return nil, err
		}
		g.group.AddClose(runner.Pools, "nats", func() error { b.Close(); return nil })
		g.group.Add(runner.Workers, "project changes", func(ctx context.Context) error {
			return upstream.Changes(ctx, b, projects.Drop)
		})
		g.group.Add(runner.Workers, "facts", func(ctx context.Context) error { return told.Run(ctx, b.PublishCore) })
	}
	if revoked != nil {
		g.group.Add(runner.Workers, "revoked sessions", func(ctx context.Context) error {
			return upstream.Revocations(ctx, cfg.NATSURL, d.log, cfg.RefuseRevokedFor, revoked.End)
		})
	}
	return g, nil
}

// limits turns figures per minute into buckets that hold ten seconds' worth.
func limits(cfg Config) edge.Limits {
	l := edge.Limits{
		PerAddress: rate.PerMinute(cfg.RatePerMinute),
		Expensive:  rate.PerMinute(cfg.ExpensiveRatePerMinute),
		PerProject: rate.PerMinute(cfg.ProjectRatePerMinute),
	}
	if cfg.Proxy == loopback {
		l.LenientLoopback = 1000
	}
	return l
}

// ServeHTTP answers one request, for tests and for embedding.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.handler.ServeHTTP(w, r) }

// Run serves until ctx ends and then stops in order.
func (g *Gateway) Run(ctx context.Context) error { return g.group.Run(ctx) }

// newLocator translates the setting; trusting this machine is not a proxy.
func newLocator(cfg Config) (*httpx.Locator, error) {
	if cfg.Proxy == loopback {
		return httpx.NewLocator(httpx.LocatorConfig{TrustLoopback: true})
	}
	return httpx.NewLocator(httpx.LocatorConfig{Proxy: cfg.Proxy, Networks: cfg.ProxyNetworks})
}

// ready reports whether requests should come here. It does not depend on the
// services: without one of them the others still have answers.
func (g *Gateway) ready(context.Context) error {
	if !g.group.Ready() {
		return errors.New("not running")
	}
	return nil
}

func (g *Gateway) serve(ctx context.Context) error {
	listener, err := net.Listen("tcp", g.cfg.HTTPAddr)
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	g.log.InfoContext(ctx, "serving", "addr", listener.Addr().String())
	return httpx.NewServer(httpx.ServerConfig{
		Handler:     g,
		AllowMemory: func(bytes int64) { footprint.Bound(g.cfg.MemoryLimit + bytes) },
		Logger:      g.log,
	}).Run(ctx, listener)
}
