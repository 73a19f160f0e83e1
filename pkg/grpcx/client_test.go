package grpcx_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/principal"
)

var facts = principal.Request{
	ID: "0123456789abcdef", ClientIP: "192.0.2.1", Country: "CH", City: "Zürich",
	Coordinates: &principal.Coordinates{Latitude: 47.4, Longitude: 8.5}, UserAgent: "curl/8", RefreshToken: "hush",
}

// seen is what a handler found in its context.
type seen struct {
	principal principal.Principal
	request   principal.Request
	caller    string
	trace     trace.TraceID
	md        metadata.MD
}

func look(ctx context.Context) (s seen) {
	s.principal, _ = principal.FromContext(ctx)
	s.request = principal.RequestFromContext(ctx)
	s.caller = principal.CallerFromContext(ctx)
	s.trace = trace.SpanContextFromContext(ctx).TraceID()
	s.md, _ = metadata.FromIncomingContext(ctx)
	return s
}

func TestDial_hops_carryPrincipalAndFacts(t *testing.T) {
	var first, second seen
	var h *grpctest.Harness
	var onward *grpc.ClientConn
	h = grpctest.New(t, "echo", handler(func(ctx context.Context, method, text string) (string, error) {
		if method == "Inside" {
			second = look(ctx)
			return text, nil
		}
		first = look(ctx)
		return call(ctx, onward, "EchoInternalService/Inside", request(t, ""))
	}).register("EchoService", "EchoInternalService"))
	onward = h.Caller("teams")

	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	ctx := trace.ContextWithRemoteSpanContext(principal.NewRequestContext(grpctest.As(t.Context(), member), facts), span)
	if _, err := call(ctx, h.Conn, "EchoService/All", request(t, "")); err != nil {
		t.Fatal(err)
	}
	if first.principal != member || first.caller != "" || !reflect.DeepEqual(first.request, facts) || first.trace != span.TraceID() {
		t.Errorf("first hop: %+v", first)
	}
	want := facts
	want.RefreshToken = ""
	if second.principal != member || second.caller != "teams" || !reflect.DeepEqual(second.request, want) || second.trace != span.TraceID() {
		t.Errorf("second hop: %+v", second)
	}
}

func TestDial_spoofedMetadata_hasNoInfluence(t *testing.T) {
	var got seen
	h := grpctest.New(t, "echo", handler(func(ctx context.Context, _, text string) (string, error) {
		got = look(ctx)
		return text, nil
	}).register("EchoService"))
	forged := signed(t, h, admin)
	ctx := principal.NewRequestContext(grpctest.As(t.Context(), member), principal.Request{ID: facts.ID, ClientIP: facts.ClientIP})
	for _, name := range []string{
		principal.MetadataPrincipal, principal.MetadataCaller, principal.MetadataRequestID, principal.MetadataClientIP,
		principal.MetadataCountry, principal.MetadataRegion, principal.MetadataCity, principal.MetadataLatitude,
		principal.MetadataLongitude, principal.MetadataTimezone, principal.MetadataUserAgent, principal.MetadataRefreshToken,
		"vestibule-anything", "Vestibule-Principal", "VESTIBULE-CLIENT-IP", "vestibule-principal-bin",
		"grpcgateway-vestibule-principal", "grpc-metadata-vestibule-principal", "authorization", "x-forwarded-for", "x-real-ip", "forwarded",
	} {
		ctx = metadata.AppendToOutgoingContext(ctx, name, forged)
	}
	if _, err := call(ctx, h.Conn, "EchoService/All", request(t, "")); err != nil {
		t.Fatal(err)
	}
	if got.principal != member || got.caller != "" || got.request != (principal.Request{ID: facts.ID, ClientIP: facts.ClientIP}) {
		t.Errorf("%+v", got)
	}
	for name, values := range got.md {
		if strings.HasPrefix(name, principal.MetadataPrefix) && values[0] == forged {
			t.Errorf("%s was let through", name)
		}
	}
}

func TestDial_requestWithoutID_getsOne(t *testing.T) {
	var got seen
	h := grpctest.New(t, "echo", handler(func(ctx context.Context, _, text string) (string, error) {
		got = look(ctx)
		return text, nil
	}).register("EchoService"))
	if _, err := call(grpctest.As(t.Context(), client), h.Conn, "EchoService/All", request(t, "")); err != nil {
		t.Fatal(err)
	}
	if len(got.request.ID) != 16 {
		t.Errorf("id %q", got.request.ID)
	}
}

func TestDial_impossiblePrincipal_isNotSent(t *testing.T) {
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"))
	_, err := call(grpctest.As(t.Context(), principal.Principal{UserID: "u"}), h.Conn, "EchoService/All", request(t, ""))
	if e, ok := errors.AsType[*apierr.Error](err); !ok || e.HTTP != http.StatusInternalServerError {
		t.Errorf("%v", err)
	}
}

func TestDial_deadline_shrinksWithEachHop(t *testing.T) {
	var inner time.Time
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"))
	conn := h.Dial(grpcx.ClientConfig{Signer: h.Signer, Options: []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			inner, _ = ctx.Deadline()
			return invoke(ctx, method, req, reply, cc, opts...)
		}),
	}})
	outer := time.Now().Add(5 * time.Second)
	ctx, cancel := context.WithDeadline(grpctest.As(t.Context(), client), outer)
	defer cancel()
	if _, err := call(ctx, conn, "EchoService/All", request(t, "")); err != nil {
		t.Fatal(err)
	}
	if left := outer.Sub(inner); left != 20*time.Millisecond {
		t.Errorf("the hop leaves %v", left)
	}
	if _, err := call(grpctest.As(t.Context(), client), conn, "EchoService/All", request(t, "")); err != nil {
		t.Fatal(err)
	}
	if inner.IsZero() {
		t.Error("a call without a deadline is sent without one")
	}
}

// flaky dials through the given functions in turn and stays with the last.
type flaky struct {
	mu    sync.Mutex
	dials []func(context.Context) (net.Conn, error)
	count int
}

func (f *flaky) option() grpc.DialOption {
	return grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		f.mu.Lock()
		dial := f.dials[min(f.count, len(f.dials)-1)]
		f.count++
		f.mu.Unlock()
		return dial(ctx)
	})
}

func refused(context.Context) (net.Conn, error) { return nil, errors.New("connection refused") }

func TestDial_peerNotThere_isUnavailable(t *testing.T) {
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"))
	conn := h.Dial(grpcx.ClientConfig{Signer: h.Signer, Options: []grpc.DialOption{(&flaky{dials: []func(context.Context) (net.Conn, error){refused}}).option()}})
	_, err := call(grpctest.As(t.Context(), client), conn, "EchoService/All", request(t, ""))
	e, ok := errors.AsType[*apierr.Error](err)
	if !ok || e.HTTP != http.StatusServiceUnavailable || e.Header["Retry-After"] == "" || contains(errors.New(e.Message), "refused") {
		t.Errorf("%v", err)
	}
}

func TestDial_peerRestarts_callIsRepeated(t *testing.T) {
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"))
	conn := h.Dial(grpcx.ClientConfig{Signer: h.Signer, Options: []grpc.DialOption{
		(&flaky{dials: []func(context.Context) (net.Conn, error){refused, h.DialContext}}).option(),
	}})
	if got, err := call(grpctest.As(t.Context(), client), conn, "EchoService/All", request(t, `text: "x"`)); err != nil || got != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

// A peer that was away for long is found by the first call after it is back:
// the connection's own pauses have grown by then.
func TestDial_peerComesBackLate_nextCallFindsIt(t *testing.T) {
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"))
	conn := h.Dial(grpcx.ClientConfig{Signer: h.Signer, Options: []grpc.DialOption{
		(&flaky{dials: []func(context.Context) (net.Conn, error){refused, h.DialContext}}).option(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: time.Hour, Multiplier: 1, MaxDelay: time.Hour},
			MinConnectTimeout: time.Minute,
		}),
	}})
	for state := conn.GetState(); state != connectivity.TransientFailure; state = conn.GetState() {
		if !conn.WaitForStateChange(t.Context(), state) {
			t.Fatal(state)
		}
	}
	if got, err := call(grpctest.As(t.Context(), client), conn, "EchoService/All", request(t, `text: "x"`)); err != nil || got != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDial_connectionBreaksUnderway_onlyRepeatableIsRepeated(t *testing.T) {
	for _, repeatable := range []bool{false, true} {
		var broken net.Conn
		var begun, repeated atomic.Int32
		first := grpctest.New(t, "echo", handler(func(ctx context.Context, _, _ string) (string, error) {
			begun.Add(1)
			_ = broken.Close()
			<-ctx.Done()
			return "", ctx.Err()
		}).register("EchoService"))
		second := grpctest.New(t, "echo", handler(func(_ context.Context, _, text string) (string, error) {
			repeated.Add(1)
			return text, nil
		}).register("EchoService"), func(cfg *grpcx.ServerConfig) {
			v, err := principal.NewVerifier(clock.System(), first.Signer.PublicKey())
			if err != nil {
				t.Fatal(err)
			}
			cfg.Verifier = v
		})
		dialFirst := func(ctx context.Context) (net.Conn, error) {
			var err error
			broken, err = first.DialContext(ctx)
			return broken, err
		}
		conn := first.Dial(grpcx.ClientConfig{
			Signer:     first.Signer,
			Repeatable: func(method string) bool { return repeatable && method == "/grpcxtest.v1.EchoService/All" },
			Options:    []grpc.DialOption{(&flaky{dials: []func(context.Context) (net.Conn, error){dialFirst, second.DialContext}}).option()},
		})
		_, err := call(grpctest.As(t.Context(), client), conn, "EchoService/All", request(t, ""))
		switch {
		case begun.Load() != 1:
			t.Errorf("repeatable %v: first server saw %d calls", repeatable, begun.Load())
		case repeatable && (err != nil || repeated.Load() != 1):
			t.Errorf("repeatable call: %v after %d repetitions", err, repeated.Load())
		case !repeatable && (err == nil || repeated.Load() != 0):
			t.Errorf("call with an effect: %v after %d repetitions", err, repeated.Load())
		}
	}
}

func TestDial_peerAnswersUnavailable_isNotRepeated(t *testing.T) {
	var calls atomic.Int32
	h := grpctest.New(t, "echo", handler(func(context.Context, string, string) (string, error) {
		calls.Add(1)
		return "", apierr.Unavailable(time.Second)
	}).register("EchoService"))
	conn := h.Dial(grpcx.ClientConfig{Signer: h.Signer, Repeatable: func(string) bool { return true }})
	if _, err := call(grpctest.As(t.Context(), client), conn, "EchoService/All", request(t, "")); err == nil || calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

func TestDial_severalAddresses_shareTheCalls(t *testing.T) {
	const servers, calls = 3, 300
	var targets []string
	var counts [servers]atomic.Int32
	signer := grpctest.New(t, "echo", handler(echo).register("EchoService")).Signer
	for i := range servers {
		v, err := principal.NewVerifier(clock.System(), signer.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		server, err := grpcx.NewServer(grpcx.ServerConfig{Service: "echo", Verifier: v})
		if err != nil {
			t.Fatal(err)
		}
		handler(func(_ context.Context, _, text string) (string, error) {
			counts[i].Add(1)
			return text, nil
		}).register("EchoService")(server)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, listener.Addr().String())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- server.Run(ctx, listener) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	conn, err := grpcx.Dial(t.Context(), grpcx.ClientConfig{Target: strings.Join(targets, ", "), Signer: signer})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reached := func() (n int) {
		for i := range counts {
			if counts[i].Load() > 0 {
				n++
			}
		}
		return n
	}
	for i := 0; i < calls || reached() < servers && i < 100*calls; i++ {
		if _, err := call(grpctest.As(t.Context(), client), conn, "EchoService/All", request(t, "")); err != nil {
			t.Fatal(err)
		}
	}
	if reached() != servers {
		t.Errorf("%d of %d servers reached", reached(), servers)
	}
	if _, err := grpcx.Dial(t.Context(), grpcx.ClientConfig{}); err == nil {
		t.Error("dialled nothing")
	}
}

func TestSetHeader_handler_reachesCaller(t *testing.T) {
	h := grpctest.New(t, "echo", handler(func(ctx context.Context, _, text string) (string, error) {
		grpcx.SetHeader(ctx, grpcx.HeaderHTTPStatus, strconv.Itoa(http.StatusCreated))
		return text, nil
	}).register("EchoService"))
	var md metadata.MD
	if _, err := call(grpctest.As(t.Context(), client), h.Conn, "EchoService/All", request(t, ""), grpc.Header(&md)); err != nil {
		t.Fatal(err)
	}
	if got := md.Get(grpcx.HeaderHTTPStatus); len(got) != 1 || got[0] != "201" {
		t.Errorf("%v", md)
	}
	grpcx.SetHeader(t.Context(), grpcx.HeaderHTTPStatus, "201") // outside an RPC: nothing happens
}
