package courier

import (
	"context"

	"go.opentelemetry.io/otel/propagation"

	"vestibule.dev/pkg/principal"
)

// parcel is a mail with where it comes from, as it waits in the table.
type parcel struct {
	Mail
	// RequestID and Trace (W3C traceparent) are those of the request that
	// caused the mail.
	RequestID string `json:"request_id,omitempty"`
	Trace     string `json:"trace,omitempty"`
}

func newParcel(ctx context.Context, mail Mail) parcel {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return parcel{Mail: mail, RequestID: principal.RequestFromContext(ctx).ID, Trace: carrier["traceparent"]}
}

// context returns one in which handing over belongs to the same request.
func (p parcel) context(ctx context.Context) context.Context {
	ctx = principal.NewRequestContext(ctx, principal.Request{ID: p.RequestID})
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": p.Trace})
}
