package upstream

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"vestibule.dev/pkg/grpcx"
)

// Dial connects to all contexts, given by name with their gRPC targets. The
// connections are made in the background and end with ctx. base holds what
// they have in common, and secure gives the transport to each.
func Dial(ctx context.Context, targets map[string]string, base grpcx.ClientConfig, secure func(name string) credentials.TransportCredentials) (map[string]grpc.ClientConnInterface, error) {
	base.Repeatable = Reads
	connections := make(map[string]grpc.ClientConnInterface, len(targets))
	for name, target := range targets {
		base.Target, base.Credentials = target, secure(name)
		cc, err := grpcx.Dial(ctx, base)
		if err != nil {
			return nil, err
		}
		connections[name] = cc
	}
	return connections, nil
}

// Reads reports whether a method only reads, which the house rules of naming
// tell: it may be called again when a connection breaks.
func Reads(fullMethod string) bool {
	verb := fullMethod[strings.LastIndexByte(fullMethod, '/')+1:]
	return strings.HasPrefix(verb, "Get") || strings.HasPrefix(verb, "List")
}
