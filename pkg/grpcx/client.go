package grpcx

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/obs"
	"vestibule.dev/pkg/principal"
)

// ClientConfig configures [Dial].
type ClientConfig struct {
	// Target is a gRPC target such as "dns:///teams:9000", or one or more
	// host:port separated by commas. Calls are spread over all addresses.
	Target string
	// Caller names this process to internal methods. Without it, the client
	// certificate has to.
	Caller *principal.CallerSigner
	// Signer makes this client the edge: principals in the context are signed
	// here and refresh tokens are sent along. Other clients forward the token
	// a principal arrived with, and no refresh token.
	Signer *principal.Signer
	// Repeatable reports whether a method has no effect beyond its answer and
	// may be called again when a connection breaks. nil means none has.
	Repeatable func(fullMethod string) bool
	// Credentials secure the transport; nil means plain text, for loopback.
	Credentials credentials.TransportCredentials
	Telemetry   *obs.Telemetry
	// Options are appended, for tests.
	Options []grpc.DialOption
}

type client struct {
	cfg ClientConfig
	// dialed is when a call last had the connection dialed, in nanoseconds.
	dialed atomic.Int64
}

// Dial returns a connection that is made in the background and keeps itself
// alive until it is closed, at the latest when ctx ends.
func Dial(ctx context.Context, cfg ClientConfig) (*grpc.ClientConn, error) {
	if cfg.Target == "" {
		return nil, errors.New("grpcx: dial without a target")
	}
	c := &client{cfg: cfg}
	creds := cfg.Credentials
	if creds == nil {
		creds = insecure.NewCredentials()
	}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithChainUnaryInterceptor(c.chain()...),
		grpc.WithStatsHandler(sentMarker{}),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithDisableServiceConfig(),
		// A restarted peer is found again within the patience of one request.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage)),
	}
	if cfg.Telemetry.Exporting() {
		opts = append(opts, grpc.WithStatsHandler(otelgrpc.NewClientHandler(
			otelgrpc.WithTracerProvider(cfg.Telemetry.Tracers),
			otelgrpc.WithMeterProvider(noMeters), // measured by the chain, with fewer attributes
			otelgrpc.WithPropagators(obs.Propagator),
		)))
	}
	target := cfg.Target
	if !strings.Contains(target, "://") {
		addresses := manual.NewBuilderWithScheme("addresses")
		var state resolver.State
		for address := range strings.SplitSeq(target, ",") {
			state.Endpoints = append(state.Endpoints, resolver.Endpoint{
				Addresses: []resolver.Address{{Addr: strings.TrimSpace(address)}},
			})
		}
		addresses.InitialState(state)
		opts = append(opts, grpc.WithResolvers(addresses))
		target = "addresses:///" + strings.ReplaceAll(target, ",", "+")
	}
	conn, err := grpc.NewClient(target, append(opts, cfg.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("grpcx: dial %s: %w", cfg.Target, err)
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	conn.Connect()
	return conn, nil
}

func (c *client) restoreErrors(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if err := invoke(ctx, method, req, reply, cc, opts...); err != nil {
		return FromStatus(err)
	}
	return nil
}

func (c *client) sendMetadata(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	md, _ := metadata.FromOutgoingContext(ctx) // a copy
	if md == nil {
		md = metadata.MD{}
	}
	// Whatever else is in the context, these names are ours alone.
	maps.DeleteFunc(md, func(name string, _ []string) bool {
		return strings.HasPrefix(strings.ToLower(name), principal.MetadataPrefix)
	})
	facts := principal.RequestFromContext(ctx)
	token := principal.TokenFromContext(ctx)
	if c.cfg.Signer != nil {
		if p, ok := principal.FromContext(ctx); ok {
			var err error
			if token, err = c.cfg.Signer.Sign(p); err != nil {
				return err
			}
		}
	} else {
		facts.RefreshToken = ""
	}
	facts.SetMetadata(md)
	principal.OriginFromContext(ctx).SetMetadata(md)
	if token != "" {
		md[principal.MetadataPrincipal] = []string{token}
	}
	if c.cfg.Caller != nil {
		caller, err := c.cfg.Caller.Token()
		if err != nil {
			return err
		}
		md[principal.MetadataCaller] = []string{caller}
	}
	if !c.cfg.Telemetry.Exporting() {
		obs.Propagator.Inject(ctx, carrier(md))
	}
	return invoke(metadata.NewOutgoingContext(ctx, md), method, req, reply, cc, opts...)
}

// carrier lets trace context pass through processes that export nothing.
type carrier metadata.MD

func (c carrier) Get(key string) string {
	if v := c[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (c carrier) Set(key, value string) { c[key] = []string{value} }

func (c carrier) Keys() []string { return []string{"traceparent", "tracestate"} }

func (c *client) boundDeadline(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(longest)
	}
	deadline = deadline.Add(-hop)
	if time.Until(deadline) < shortest {
		return apierr.Unavailable(second).WithCause(context.DeadlineExceeded)
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	return invoke(ctx, method, req, reply, cc, opts...)
}

// pauses are the waits before each repetition; together they outlast the
// restart of a peer that has another replica, and the first reconnections to
// one that has not.
var pauses = [...]time.Duration{25 * time.Millisecond, 75 * time.Millisecond, 225 * time.Millisecond}

// repeatUndialed repeats a call that never left this process. One that did may
// have had its effect, so it is repeated only if the method is repeatable. A
// status that the peer's handlers returned is never repeated: it is an answer.
func (c *client) repeatUndialed(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	repeatable := c.cfg.Repeatable != nil && c.cfg.Repeatable(method)
	for attempt := 0; ; attempt++ {
		var sent atomic.Bool
		err := invoke(context.WithValue(ctx, sentKey{}, &sent), method, req, reply, cc, opts...)
		if err == nil || attempt == len(pauses) || sent.Load() && !repeatable || !disconnected(err) {
			return err
		}
		c.dialNow(cc)
		timer := time.NewTimer(pauses[attempt])
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// dialNow ends the connection's own pause between tries, which grows while a
// peer is away and would outlast the patience of the call that finds it back.
// Many callers of a peer that is away are one try every pause.
func (c *client) dialNow(cc *grpc.ClientConn) {
	now := time.Now().UnixNano()
	last := c.dialed.Load()
	if now-last >= int64(pauses[0]) && c.dialed.CompareAndSwap(last, now) {
		cc.ResetConnectBackoff()
	}
}

// disconnected reports whether the transport failed, as opposed to a peer that
// answered 503.
func disconnected(err error) bool {
	st := status.Convert(err)
	return st.Code() == codes.Unavailable && len(st.Proto().GetDetails()) == 0
}

type sentKey struct{}

// sentMarker notes whether a call was handed to a connection.
type sentMarker struct{}

func (sentMarker) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (sentMarker) HandleRPC(ctx context.Context, s stats.RPCStats) {
	sent, ok := ctx.Value(sentKey{}).(*atomic.Bool)
	if !ok {
		return
	}
	switch s := s.(type) {
	case *stats.Begin:
		if s.IsTransparentRetryAttempt {
			sent.Store(false) // the peer said that it did not process the one before
		}
	case *stats.OutHeader:
		sent.Store(true)
	}
}

func (sentMarker) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (sentMarker) HandleConn(context.Context, stats.ConnStats) {}
