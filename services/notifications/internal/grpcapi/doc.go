// Package grpcapi translates between the protobuf contract of the notifications
// context and its use cases. It holds no rules.
package grpcapi
