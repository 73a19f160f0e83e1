package grpcapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"google.golang.org/protobuf/proto"

	"vestibule.dev/services/payments/internal/app"
)

// keyed is a request that may carry an idempotency key.
type keyed interface {
	proto.Message
	GetIdempotencyKey() string
}

// idempotent makes a request with an idempotency key take effect once. The
// right to use a purchase code belongs to whoever has it, so requests with one
// share their keys.
func idempotent(ctx context.Context, req keyed) context.Context {
	if req.GetIdempotencyKey() == "" {
		return ctx
	}
	key := app.IdempotencyKey{Operation: string(req.ProtoReflect().Descriptor().Name()), Key: req.GetIdempotencyKey()}
	// Which request it is does not depend on the key.
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	if err != nil {
		return ctx // what was received can be sent
	}
	digest := sha256.Sum256(text)
	key.Fingerprint = digest[:]
	if purchase, ok := req.(interface{ GetFullCode() string }); ok {
		code := sha256.Sum256([]byte(purchase.GetFullCode()))
		key.Actor = "code/" + hex.EncodeToString(code[:])
	}
	return app.WithIdempotencyKey(ctx, key)
}
