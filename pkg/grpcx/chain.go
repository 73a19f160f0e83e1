package grpcx

import (
	"google.golang.org/grpc"
)

// chain returns the interceptors in the order in which a request meets them.
// Tracing is not among them: it is a stats handler around the whole chain.
func (s *Server) chain() []grpc.UnaryServerInterceptor {
	return []grpc.UnaryServerInterceptor{
		s.recoverPanic,   // a panic ends the request, not the process
		s.requestFacts,   // request id, client address and the like enter the context
		s.accessLog,      // one line per request, with its final status
		s.metrics,        // one observation per request, with its final status
		s.convertErrors,  // below here errors are Go errors, above it statuses
		s.boundAnswer,    // an answer that no caller would receive becomes an error
		s.boundDeadline,  // what cannot finish in time is refused before it costs anything
		s.limitInFlight,  // what exceeds the capacity is refused instead of queued
		s.authenticate,   // principal and caller tokens are verified
		s.authorize,      // the method's policy decides
		s.confine,        // databases show the rows of the request's project alone
		s.validateFields, // the request obeys the rules of its descriptor
	}
}

// clientChain is the same for calls to other services.
func (c *client) chain() []grpc.UnaryClientInterceptor {
	return []grpc.UnaryClientInterceptor{
		c.restoreErrors,  // statuses become *apierr.Error again
		c.sendMetadata,   // principal, caller token and request facts, and nothing else under their names
		c.boundDeadline,  // each hop leaves time to answer the one before
		c.repeatUndialed, // innermost, so that a repetition passes only through itself
	}
}
