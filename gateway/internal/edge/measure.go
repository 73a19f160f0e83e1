package edge

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// seen is what is found out about a request on its way in, for those who watch
// it from outside.
type seen struct{ route string }

type seenKey struct{}

// NameRoute tells the span and the metrics of a request which route it takes.
// Paths would not do: they hold ids, and as many as callers like.
func NameRoute(ctx context.Context, pattern string) {
	if s, ok := ctx.Value(seenKey{}).(*seen); ok {
		s.route = pattern
	}
}

// nameSpan names a span after its route, as the semantic conventions say.
func nameSpan(span trace.Span, method, route string) {
	if route == "" || !span.IsRecording() {
		return
	}
	span.SetName(method + " " + route)
	span.SetAttributes(attribute.String("http.route", route))
}

// known are the methods that label a metric; callers may invent others.
var known = map[string]bool{
	"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "OPTIONS": true,
}

func methodLabel(method string) string {
	if known[method] {
		return method
	}
	return "_OTHER"
}
