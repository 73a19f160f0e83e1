// Package grpcapi translates between the protobuf contract of the identity
// context and its use cases. It holds no rules.
package grpcapi
