package outbox

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/encoding/protowire"
)

// traceField is the number of events.v1.Envelope.trace.
const traceField = 11

// startPublish begins the span of a publication as part of the trace of the
// change. A change nobody traces has a span that does nothing.
func startPublish(ctx context.Context, e event) trace.Span {
	parent := propagation.TraceContext{}.Extract(context.WithoutCancel(ctx), propagation.MapCarrier{"traceparent": traceOf(e.payload)})
	if !trace.SpanContextFromContext(parent).IsSampled() {
		return trace.SpanFromContext(ctx)
	}
	name := e.subject[:max(0, strings.LastIndexByte(e.subject, '.'))]
	_, span := otel.Tracer("vestibule.dev/pkg/outbox").Start(parent, "publish "+name, trace.WithSpanKind(trace.SpanKindProducer))
	return span
}

// traceOf reads the trace of a marshalled envelope without unmarshalling the
// rest; "" when there is none.
func traceOf(payload []byte) string {
	for len(payload) > 0 {
		number, kind, n := protowire.ConsumeTag(payload)
		if n < 0 {
			return ""
		}
		payload = payload[n:]
		if number == traceField && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(payload)
			return string(value)
		}
		if n = protowire.ConsumeFieldValue(number, kind, payload); n < 0 {
			return ""
		}
		payload = payload[n:]
	}
	return ""
}
