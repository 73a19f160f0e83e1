// Package grpcapi translates between the protobuf contract of the payments
// context and its use cases. It holds no rules.
package grpcapi
