package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	identityv1 "vestibule.dev/proto/identity/v1"

	"vestibule.dev/pkg/bus"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/footprint"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/inbox"
	"vestibule.dev/pkg/mtls"
	"vestibule.dev/pkg/obs"
	"vestibule.dev/pkg/ops"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/runner"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/tenancy"
)

// ProjectChanged is the core subject on which identity tells that a project,
// its keys or its configuration changed. The payload is the project's id.
const ProjectChanged = "vestibule.project.changed"

// Platform is what a service builds on. Everything in it is ready to use; what
// it runs, starts after Build.
type Platform struct {
	Name   string
	Config Config
	Logger *slog.Logger
	Clock  clock.Clock
	DB     *pg.DB
	Bus    *bus.Bus
	// Box seals what the service must read back.
	Box *secret.Box
	// CodeKeys are the HMAC keys of one-time codes: the first makes them, each
	// finds them.
	CodeKeys [][]byte
	// GRPC takes the service's implementations.
	GRPC *grpcx.Server

	telemetry *obs.Telemetry
	// identity is what this process proves by certificate, and caller what it
	// signs where there are none.
	identity   *mtls.Identity
	caller     *principal.CallerSigner
	callerKeys []secret.Secret
	group      *runner.Group

	conns map[string]*grpc.ClientConn
	// consumers are measured.
	consumers []*inbox.Consumer
	// lookUpProject finds the projects that backends call for.
	lookUpProject grpcx.ProjectLookup
}

// newPlatform opens what all services need. Nothing waits for a database or a
// stream: start order does not matter.
func newPlatform(ctx context.Context, name, version string) (*Platform, error) {
	p := &Platform{Name: name, Clock: clock.System(), conns: map[string]*grpc.ClientConn{}}
	if err := Load(name, &p.Config); err != nil {
		return nil, err
	}
	cfg := &p.Config
	footprint.Bound(cfg.MemoryLimit)
	p.Logger = obs.NewLogger(os.Stderr, obs.LogConfig{Service: name, Level: cfg.LogLevel, Text: cfg.LogText})
	p.group = runner.New(runner.Config{Logger: p.Logger, Grace: cfg.ShutdownGrace})

	var err error
	if p.telemetry, err = obs.StartTelemetry(ctx, obs.TelemetryConfig{
		Service: name, Version: version, Endpoint: cfg.OTLPEndpoint, Scraped: cfg.OpsAddr != "",
	}); err != nil {
		return nil, err
	}
	p.group.Add(runner.Pools, "telemetry", p.telemetry.Run)
	ring, err := secret.ParseKeyRing(cfg.EncryptionKeys)
	if err != nil {
		return nil, fmt.Errorf("%sENCRYPTION_KEYS: %w", prefix(name), err)
	}
	p.Box = secret.NewBox(ring)
	if p.CodeKeys, err = cfg.codeKeys(); err != nil {
		return nil, fmt.Errorf("%s%w", prefix(name), err)
	}
	if cfg.TLS.Enabled() {
		if p.identity, err = mtls.Load(cfg.TLS); err != nil {
			return nil, err
		}
	} else {
		if p.callerKeys, err = principal.ParseCallerKeys(cfg.ServiceKey); err != nil {
			return nil, fmt.Errorf("%sSERVICE_KEY: %w", prefix(name), err)
		}
		if p.caller, err = principal.NewCallerSigner(p.Clock, name, p.callerKeys[0]); err != nil {
			return nil, err
		}
	}
	if p.DB, err = pg.Open(ctx, pg.Config{
		URL: cfg.PostgresURL, MaxConns: cfg.PostgresMaxConns, AcquireTimeout: cfg.PostgresAcquireTimeout, ApplicationName: name,
	}); err != nil {
		return nil, err
	}
	p.group.AddClose(runner.Pools, "postgres", func() error { p.DB.Close(); return nil })
	return p, nil
}

// AllowMemory raises the soft memory limit by what the service holds for moments
// at a time beside all the rest. Without it the collector would run all the
// while such work lasts.
func (p *Platform) AllowMemory(bytes int64) {
	footprint.Bound(p.Config.MemoryLimit + bytes)
}

// openServer prepares what only a running service needs.
func (p *Platform) openServer(ctx context.Context) error {
	cfg := &p.Config
	publicKeys, err := principal.ParsePublicKeys(cfg.PrincipalPublicKeys)
	if err != nil {
		return fmt.Errorf("%sPRINCIPAL_PUBLIC_KEYS: %w", prefix(p.Name), err)
	}
	verifier, err := principal.NewVerifier(p.Clock, publicKeys...)
	if err != nil {
		return err
	}
	if p.Bus, err = bus.Connect(bus.Config{URL: cfg.NATSURL, Name: p.Name, Replicas: cfg.NATSReplicas, Logger: p.Logger}); err != nil {
		return err
	}
	p.group.AddClose(runner.Pools, "nats", func() error { p.Bus.Close(); return nil })
	server := grpcx.ServerConfig{
		Service:       p.Name,
		Verifier:      verifier,
		InFlightLimit: cfg.InFlightLimit,
		Bound:         pg.Bound,
		Ready:         p.ready,
		Telemetry:     p.telemetry,
		Logger:        p.Logger,
	}
	if p.identity != nil {
		server.Credentials, server.Peers = p.identity.Server(), p.identity.Peer
	} else if server.CallerVerifier, err = principal.NewCallerVerifier(p.Clock, p.callerKeys...); err != nil {
		return err
	}
	calls, err := obs.NewCalls(p.telemetry, "rpc.server.call.duration", "rpc.method", "rpc.response.status_code")
	if err != nil {
		return err
	}
	if calls != nil {
		server.Observe = func(ctx context.Context, method string, code codes.Code, elapsed time.Duration) {
			calls.Observe(ctx, elapsed, strings.TrimPrefix(method, "/"), code.String())
		}
	}
	if server.Backends, err = p.backends(ctx); err != nil {
		return err
	}
	if p.GRPC, err = grpcx.NewServer(server); err != nil {
		return err
	}
	return p.measure()
}

// ready reports whether the service can work, which is whether its own database
// answers. It does not depend on NATS or on other services.
func (p *Platform) ready(ctx context.Context) error {
	if !p.group.Ready() {
		return errors.New("not running")
	}
	return p.DB.Ping(ctx)
}

// LoadConfig fills a struct with env tags from the service's own variables.
func (p *Platform) LoadConfig(into any) error { return Load(p.Name, into) }

// Dial returns the connection to another context. Calls carry this service's
// name, and the principal of the request they are made for.
func (p *Platform) Dial(ctx context.Context, service string) (*grpc.ClientConn, error) {
	if conn, ok := p.conns[service]; ok {
		return conn, nil
	}
	address := p.Config.upstreams()[service]
	if address == "" {
		return nil, fmt.Errorf("%s%sADDR is not set", prefix(p.Name), prefix(service))
	}
	// The connection outlives the signal to stop: requests that are being
	// finished still need it.
	client := grpcx.ClientConfig{Target: address, Caller: p.caller, Telemetry: p.telemetry}
	if p.identity != nil {
		client.Credentials = p.identity.Client(service)
	}
	conn, err := grpcx.Dial(context.WithoutCancel(ctx), client)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", service, err)
	}
	p.conns[service] = conn
	p.group.AddClose(runner.Pools, service+" connection", conn.Close)
	return conn, nil
}

// Go adds a worker that runs until its context ends. Workers are for all
// projects; one that takes up something of a project says so.
func (p *Platform) Go(name string, run func(ctx context.Context) error) {
	p.group.Add(runner.Workers, name, func(ctx context.Context) error { return run(tenancy.ForAllProjects(ctx)) })
}

// Every adds a worker that does something now and then. A failure is logged and
// the next turn comes as usual.
func (p *Platform) Every(interval time.Duration, name string, do func(ctx context.Context) error) {
	p.Go(name, func(ctx context.Context) error {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			if err := do(ctx); err != nil && ctx.Err() == nil {
				p.Logger.WarnContext(ctx, "a periodic task failed", "task", name, "error", err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
		}
	})
}

// Consume adds consumers of other contexts' events.
func (p *Platform) Consume(subscriptions ...inbox.Subscription) {
	cfg := inbox.Config{Service: p.Name, DB: p.DB, Bus: p.Bus, Logger: p.Logger, Shuffle: p.Config.ChaosDelivery}
	for _, subscription := range subscriptions {
		consumer := inbox.NewConsumer(cfg, subscription)
		p.Go("consumer "+subscription.Name, consumer.Run)
		p.consumers = append(p.consumers, consumer)
	}
}

// ProjectConfigs returns the cache of project configurations, read from
// identity.
func (p *Platform) ProjectConfigs(ctx context.Context) (*projectconfig.Cache, error) {
	conn, err := p.Dial(ctx, "identity")
	if err != nil {
		return nil, err
	}
	client := identityv1.NewProjectInternalServiceClient(conn)
	return projectconfig.NewCache(func(ctx context.Context, tenant ids.Tenant, minVersion int64) (*projectconfig.Config, error) {
		res, err := client.GetProjectConfig(ctx, &identityv1.GetProjectConfigRequest{
			ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, MinVersion: minVersion,
		})
		if err != nil {
			return nil, err
		}
		return FromProto(tenant, res)
	}, projectconfig.CacheConfig{}), nil
}

// checkRole tells the operator when the database's second belt is off. It waits
// for the database.
func (p *Platform) checkRole(ctx context.Context) error {
	for ctx.Err() == nil {
		wait := time.After(time.Second)
		if above, err := p.DB.AbovePolicies(ctx); err == nil {
			if above {
				p.Logger.WarnContext(ctx, "the database role is a superuser or has BYPASSRLS: row-level security does not hold")
			}
			wait = nil
		}
		select {
		case <-ctx.Done():
		case <-wait:
		}
	}
	return nil
}

// serve runs what Build has put together until the context ends.
func (p *Platform) serve(ctx context.Context) error {
	listener, err := net.Listen("tcp", p.Config.GRPCAddr)
	if err != nil {
		return err
	}
	if err := p.measureConsumers(); err != nil {
		return errors.Join(err, listener.Close())
	}
	if p.Config.OpsAddr != "" {
		// The last to stop, so that it can tell that the others do.
		p.group.Add(runner.Pools, "ops", func(ctx context.Context) error {
			return ops.Run(ctx, ops.Config{Addr: p.Config.OpsAddr, Ready: p.ready, Metrics: p.telemetry.Metrics(), Logger: p.Logger})
		})
	}
	p.group.Add(runner.Servers, "grpc", func(ctx context.Context) error { return p.GRPC.Run(ctx, listener) })
	p.Go("footprint", footprint.Run)
	p.Go("database role", p.checkRole)
	p.Go("outbox relay", outbox.NewRelay(p.DB, p.Bus, p.Name, p.Logger).Run)
	p.Every(time.Hour, "inbox purge", func(ctx context.Context) error { return inbox.Purge(ctx, p.DB) })
	p.Logger.InfoContext(ctx, "serving", "address", listener.Addr().String())
	return p.group.Run(ctx)
}
