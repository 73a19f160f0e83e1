package grpcx_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/grpcx"
)

func TestServer_largestMessage_travelsBothWays(t *testing.T) {
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"),
		func(cfg *grpcx.ServerConfig) { cfg.Validator = anything{} })
	req := message("EchoRequest")
	text := req.Descriptor().Fields().ByName("text")
	for _, tt := range []struct {
		size     int
		accepted bool
	}{
		{grpcx.MaxMessage - 64, true},
		{grpcx.MaxMessage, false}, // the field's own bytes come on top
	} {
		sent := strings.Repeat("x", tt.size)
		req.Set(text, protoreflect.ValueOfString(sent))
		got, err := call(grpctest.As(t.Context(), member), h.Conn, "EchoService/All", req)
		if accepted := err == nil && got == sent; accepted != tt.accepted {
			t.Errorf("%d bytes: accepted %t (%v), want %t", tt.size, accepted, err, tt.accepted)
		}
	}
}

// Who asks for more than fits is told so, instead of being cut off.
func TestServer_answerTooLarge_isRefusedInWords(t *testing.T) {
	for size, fits := range map[int]bool{grpcx.MaxMessage - 64: true, grpcx.MaxMessage: false} {
		h := grpctest.New(t, "echo", handler(func(context.Context, string, string) (string, error) {
			return strings.Repeat("x", size), nil
		}).register("EchoService"))
		_, err := call(grpctest.As(t.Context(), member), h.Conn, "EchoService/All", message("EchoRequest"))
		if fits && err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if known, ok := errors.AsType[*apierr.Error](err); !fits && (!ok || known.HTTP != http.StatusBadRequest || known.Format != apierr.FormatText) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// Whoever reads for an answer knows how large it may be.
func TestServer_bound_reachesTheHandler(t *testing.T) {
	type key struct{}
	h := grpctest.New(t, "echo", handler(func(ctx context.Context, _, _ string) (string, error) {
		return fmt.Sprint(ctx.Value(key{})), nil
	}).register("EchoService"), func(cfg *grpcx.ServerConfig) {
		cfg.Bound = func(ctx context.Context, bytes int) context.Context { return context.WithValue(ctx, key{}, bytes) }
	})
	if got, err := call(grpctest.As(t.Context(), member), h.Conn, "EchoService/All", message("EchoRequest")); err != nil || got != fmt.Sprint(grpcx.MaxMessage) {
		t.Errorf("bound %q, %v", got, err)
	}
}

// anything accepts every request.
type anything struct{}

func (anything) Validate(any) ([]string, error) { return nil, nil }
