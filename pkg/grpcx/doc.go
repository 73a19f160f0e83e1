// Package grpcx promises that every RPC of every service passes the same
// guards in the same order, and that an error arrives as the one that was
// returned.
//
// [NewServer] builds a gRPC server that refuses to serve a method without a
// policy (proto/policy/v1), lets in only callers whose principal or caller
// token satisfies it, sheds what it cannot finish in time, and validates
// requests by the rules in their descriptors. The order of the guards is the
// list in chain.go. [Dial] makes the other end: it forwards the principal and
// the facts about the request, shortens the deadline, repeats what never
// reached a server, and turns statuses back into *apierr.Error.
package grpcx
