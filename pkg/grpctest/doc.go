// Package grpctest promises that a test meets a service exactly as production
// does: through the whole chain of package grpcx, with signed principals and
// caller tokens, and without a port.
package grpctest
