package grpcx_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/principal"
)

func TestRun_methodWithoutPolicy_refusesToServe(t *testing.T) {
	server, err := grpcx.NewServer(grpcx.ServerConfig{Service: "echo", Verifier: new(principal.Verifier), CallerVerifier: new(principal.CallerVerifier)})
	if err != nil {
		t.Fatal(err)
	}
	handler(echo).register("EchoService", "BrokenService")(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	err = server.Run(t.Context(), listener)
	if err == nil {
		t.Fatal("served")
	}
	for _, want := range []string{
		"/grpcxtest.v1.BrokenService/Bare has no policy",
		"/grpcxtest.v1.BrokenService/Empty must be either public or internal",
		"/grpcxtest.v1.BrokenService/Both must be either public or internal",
		"/grpcxtest.v1.BrokenService/Unknown accepts the unknown access type ACCESS_UNSPECIFIED",
		"/grpcxtest.v1.BrokenService/Nameless accepts a caller without a name",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q missing in %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "Sound") || strings.Contains(err.Error(), "EchoService") {
		t.Errorf("a sound method is accused in %v", err)
	}
	if _, err := listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error("listener left open")
	}
}

func TestErr_unguardable_isReported(t *testing.T) {
	for name, c := range map[string]struct {
		cfg      grpcx.ServerConfig
		register func(grpc.ServiceRegistrar)
		want     string
	}{
		"no verifier":        {grpcx.ServerConfig{}, handler(echo).register("EchoService"), "/grpcxtest.v1.EchoService/All is public and the server has no verifier"},
		"no caller verifier": {grpcx.ServerConfig{}, handler(echo).register("EchoInternalService"), "Inside is internal and the server cannot tell callers"},
		"no descriptor": {grpcx.ServerConfig{}, func(r grpc.ServiceRegistrar) {
			r.RegisterService(&grpc.ServiceDesc{ServiceName: "ghost.v1.Ghost", HandlerType: (*any)(nil)}, 0)
		}, "service ghost.v1.Ghost has no descriptor"},
		"a message": {grpcx.ServerConfig{}, func(r grpc.ServiceRegistrar) {
			r.RegisterService(&grpc.ServiceDesc{ServiceName: "grpcxtest.v1.Inner", HandlerType: (*any)(nil)}, 0)
		}, "grpcxtest.v1.Inner is not a service"},
		"streams": {grpcx.ServerConfig{Verifier: new(principal.Verifier)}, func(r grpc.ServiceRegistrar) {
			r.RegisterService(&grpc.ServiceDesc{
				ServiceName: "grpcxtest.v1.EchoService", HandlerType: (*any)(nil),
				Streams: []grpc.StreamDesc{{StreamName: "All"}},
			}, 0)
		}, "grpcxtest.v1.EchoService has streams"},
	} {
		c.cfg.Service = "echo"
		server, err := grpcx.NewServer(c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		c.register(server)
		if err := server.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := grpcx.NewServer(grpcx.ServerConfig{}); err == nil {
		t.Error("server without a name")
	}
}

func TestPolicies_server_listsAllMethodsInOrder(t *testing.T) {
	h := grpctest.New(t, "echo", handler(echo).register("EchoService", "EchoInternalService"))
	policies, err := grpcx.Policies(h.Server)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range policies {
		name := strings.TrimPrefix(p.FullMethod, "/grpcxtest.v1.")
		if p.Internal() {
			name += " internal"
		}
		got = append(got, name)
	}
	want := "EchoInternalService/Inside internal, EchoService/All, EchoService/Public, EchoService/Server, EchoService/User"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestRun_stopped_finishesRequestsInFlight(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	h := grpctest.New(t, "echo", handler(func(context.Context, string, string) (string, error) {
		close(begun)
		<-finish
		return "finished", nil
	}).register("EchoService"))
	answer := make(chan error, 1)
	go func() {
		_, err := call(grpctest.As(t.Context(), client), h.Conn, "EchoService/All", request(t, ""))
		answer <- err
	}()
	<-begun
	stopped := h.Stop()
	select {
	case err := <-stopped:
		t.Errorf("stopped with a request in flight: %v", err)
	default:
	}
	close(finish)
	if err := <-answer; err != nil {
		t.Errorf("request in flight was cut off: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestHealth_database_decidesReadinessAlone(t *testing.T) {
	down := errors.New("database is down")
	for name, c := range map[string]struct {
		ready     func(context.Context) error
		service   string
		want      healthpb.HealthCheckResponse_ServingStatus
		code      codes.Code
		wantInLog string
	}{
		"no check":       {nil, "", healthpb.HealthCheckResponse_SERVING, codes.OK, ""},
		"up":             {func(context.Context) error { return nil }, "echo", healthpb.HealthCheckResponse_SERVING, codes.OK, ""},
		"down":           {func(context.Context) error { return down }, "", healthpb.HealthCheckResponse_NOT_SERVING, codes.OK, "database is down"},
		"down, named":    {func(context.Context) error { return down }, "echo", healthpb.HealthCheckResponse_NOT_SERVING, codes.OK, ""},
		"down, but live": {func(context.Context) error { return down }, grpcx.Liveness, healthpb.HealthCheckResponse_SERVING, codes.OK, ""},
		"bounded": {func(ctx context.Context) error {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("check without a deadline")
			}
			return nil
		}, "readiness", healthpb.HealthCheckResponse_SERVING, codes.OK, ""},
		"unknown": {nil, "teams", 0, codes.NotFound, ""},
	} {
		h := grpctest.New(t, "echo", handler(echo).register("EchoService"), func(cfg *grpcx.ServerConfig) {
			cfg.Ready = c.ready
			cfg.InFlightLimit = -1 // health counts against no limit
		})
		res, err := healthpb.NewHealthClient(h.Raw()).Check(t.Context(), &healthpb.HealthCheckRequest{Service: c.service})
		if status.Code(err) != c.code || res.GetStatus() != c.want {
			t.Errorf("%s: %v, %v", name, res.GetStatus(), err)
		}
		if !h.Log.Contains(c.wantInLog) {
			t.Errorf("%s: log lacks %q", name, c.wantInLog)
		}
	}
}

func TestReflection_stranger_mayList(t *testing.T) {
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"))
	stream, err := reflectionpb.NewServerReflectionClient(h.Raw()).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	res, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(res.String(), "grpcxtest.v1.EchoService") {
		t.Error(res)
	}
}
