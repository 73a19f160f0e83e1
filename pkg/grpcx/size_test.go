package grpcx_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

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

// anything accepts every request.
type anything struct{}

func (anything) Validate(any) ([]string, error) { return nil, nil }
