package grpcx

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Response metadata the gateway acts on.
const (
	// HeaderHTTPStatus overrides the status of a success, in decimal.
	HeaderHTTPStatus = "vestibule-http-status"
	// HeaderProjectChanged names a project whose configuration or keys the
	// request changed, so that the gateway forgets what it knows before it
	// answers.
	HeaderProjectChanged = "vestibule-project-changed"
)

// SetHeader sets response metadata of the RPC that ctx belongs to. Outside an
// RPC it does nothing, so that use cases may be called directly in tests.
func SetHeader(ctx context.Context, name, value string) {
	// It fails outside an RPC and after the answer has begun, which a unary
	// handler cannot reach.
	_ = grpc.SetHeader(ctx, metadata.Pairs(name, value))
}
