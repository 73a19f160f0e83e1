package grpcx_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/principal"
)

func TestChain_panic_endsTheRequestAlone(t *testing.T) {
	observed := make(chan codes.Code, 2)
	h := grpctest.New(t, "echo", handler(func(_ context.Context, _, text string) (string, error) {
		if text == "panic" {
			panic("secret plan")
		}
		return text, nil
	}).register("EchoService"), func(cfg *grpcx.ServerConfig) {
		cfg.InFlightLimit = 1
		cfg.Observe = func(_ context.Context, _ string, code codes.Code, _ time.Duration) { observed <- code }
	})
	ctx := grpctest.As(principal.NewRequestContext(t.Context(), principal.Request{ID: "0123456789abcdef"}), client)
	_, err := call(ctx, h.Conn, "EchoService/All", request(t, `text: "panic"`))
	if e, ok := errors.AsType[*apierr.Error](err); !ok || e.HTTP != http.StatusInternalServerError || e.Code != "" {
		t.Errorf("%v", err)
	}
	if contains(err, "secret plan") {
		t.Error("the caller learns of the panic")
	}
	if !h.Log.Contains("secret plan") || !h.Log.Contains("guard_test.go") {
		t.Error("the log lacks the panic or its stack")
	}
	if code := <-observed; code != codes.Internal {
		t.Errorf("observed %v", code)
	}
	if got, err := call(ctx, h.Conn, "EchoService/All", request(t, `text: "next"`)); err != nil || got != "next" {
		t.Errorf("the panic kept its place in flight: %q, %v", got, err)
	}
	if code := <-observed; code != codes.OK {
		t.Errorf("observed %v", code)
	}
}

func contains(err error, text string) bool { return strings.Contains(fmt.Sprintf("%+v", err), text) }

func TestChain_unforeseenError_isLoggedAndHidden(t *testing.T) {
	for name, cause := range map[string]error{
		"plain":              errors.New("password of the database is hush"),
		"status":             status.Error(codes.NotFound, "hush"),
		"context of others":  fmt.Errorf("hush: %w", context.Canceled),
		"deadline of others": fmt.Errorf("hush: %w", context.DeadlineExceeded),
	} {
		h := grpctest.New(t, "echo", handler(func(context.Context, string, string) (string, error) { return "", cause }).register("EchoService"))
		_, err := call(grpctest.As(t.Context(), client), h.Raw(grpc.WithChainUnaryInterceptor(sign(h, client))), "EchoService/All", request(t, ""))
		st := status.Convert(err)
		if st.Code() != codes.Internal || contains(st.Err(), "hush") || contains(fmt.Errorf("%v", st.Proto()), "hush") {
			t.Errorf("%s: %v", name, st.Proto())
		}
		if !h.Log.Contains("hush") {
			t.Errorf("%s: not logged", name)
		}
	}
}

// sign adds a principal the way the edge does, and nothing else.
func sign(h *grpctest.Harness, p principal.Principal) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		token, err := h.Signer.Sign(p)
		if err != nil {
			return err
		}
		return invoke(metadata.AppendToOutgoingContext(ctx, principal.MetadataPrincipal, token), method, req, reply, cc, opts...)
	}
}

func TestChain_causeOfAnswer_isLoggedOnly(t *testing.T) {
	h := grpctest.New(t, "echo", handler(func(context.Context, string, string) (string, error) {
		return "", apierr.Unavailable(time.Second).WithCause(errors.New("pool exhausted"))
	}).register("EchoService"))
	_, err := call(grpctest.As(t.Context(), client), h.Conn, "EchoService/All", request(t, ""))
	e, ok := errors.AsType[*apierr.Error](err)
	if !ok || e.HTTP != http.StatusServiceUnavailable || e.Header["Retry-After"] != "1" || contains(e.Unwrap(), "pool") {
		t.Errorf("%v", err)
	}
	if !h.Log.Contains("pool exhausted") {
		t.Error("cause not logged")
	}
}

func TestChain_littleTimeLeft_isRefusedBeforeWork(t *testing.T) {
	h := grpctest.New(t, "echo", handler(func(context.Context, string, string) (string, error) {
		t.Error("work was begun")
		return "", nil
	}).register("EchoService"))
	// The transport measures a timeout in real time, so the server is given one
	// that is too short from the start.
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Millisecond)
	defer cancel()
	_, err := call(ctx, h.Raw(grpc.WithChainUnaryInterceptor(sign(h, client))), "EchoService/All", request(t, ""))
	if status.Code(err) != codes.DeadlineExceeded {
		t.Error(err)
	}
	_, err = call(grpctest.As(ctx, client), h.Conn, "EchoService/All", request(t, ""))
	if e, ok := errors.AsType[*apierr.Error](err); !ok || e.HTTP != http.StatusServiceUnavailable {
		t.Errorf("%v", err)
	}
}

func TestChain_noDeadline_getsOne(t *testing.T) {
	h := grpctest.New(t, "echo", handler(func(ctx context.Context, _, _ string) (string, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("no deadline")
		}
		return "", nil
	}).register("EchoService"))
	if _, err := call(t.Context(), h.Raw(grpc.WithChainUnaryInterceptor(sign(h, client))), "EchoService/All", request(t, "")); err != nil {
		t.Error(err)
	}
}

func TestChain_tooManyInFlight_areRefusedNotQueued(t *testing.T) {
	const limit = 3
	begun, finish := make(chan struct{}, limit), make(chan struct{})
	h := grpctest.New(t, "echo", handler(func(_ context.Context, method, text string) (string, error) {
		if text == "wait" {
			begun <- struct{}{}
			<-finish
		}
		return method, nil
	}).register("EchoService", "EchoInternalService"), func(cfg *grpcx.ServerConfig) {
		cfg.InFlightLimit = limit
		cfg.Unlimited = []string{"/grpcxtest.v1.EchoService/Server"}
	})
	ctx := grpctest.As(t.Context(), backend)
	var running sync.WaitGroup
	for range limit {
		running.Go(func() {
			if _, err := call(ctx, h.Conn, "EchoService/All", request(t, `text: "wait"`)); err != nil {
				t.Error(err)
			}
		})
	}
	for range limit {
		<-begun
	}
	for range 10 {
		_, err := call(ctx, h.Conn, "EchoService/All", request(t, ""))
		if e, ok := errors.AsType[*apierr.Error](err); !ok || e.HTTP != http.StatusServiceUnavailable || e.Header["Retry-After"] == "" {
			t.Errorf("%v", err)
		}
	}
	if _, err := call(ctx, h.Conn, "EchoService/Server", request(t, "")); err != nil {
		t.Errorf("an unlimited method was limited: %v", err)
	}
	close(finish)
	running.Wait()
	if _, err := call(ctx, h.Conn, "EchoService/All", request(t, "")); err != nil {
		t.Errorf("places were not given back: %v", err)
	}
}

func TestChain_callerGone_isNoFailure(t *testing.T) {
	begun, logged := make(chan struct{}), make(chan codes.Code, 1)
	h := grpctest.New(t, "echo", handler(func(ctx context.Context, _, _ string) (string, error) {
		close(begun)
		<-ctx.Done()
		return "", fmt.Errorf("query: %w", ctx.Err())
	}).register("EchoService"), func(cfg *grpcx.ServerConfig) {
		cfg.Observe = func(_ context.Context, _ string, code codes.Code, _ time.Duration) { logged <- code }
	})
	ctx, cancel := context.WithCancel(grpctest.As(t.Context(), client))
	go func() { <-begun; cancel() }()
	if _, err := call(ctx, h.Conn, "EchoService/All", request(t, "")); err == nil {
		t.Error("answered")
	}
	if code := <-logged; code != codes.Canceled {
		t.Errorf("counted as %v", code)
	}
	if h.Log.Contains("level=ERROR") {
		t.Error(h.Log)
	}
}
