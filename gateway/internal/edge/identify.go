package edge

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"vestibule.dev/gateway/internal/transcode"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/obs"
	"vestibule.dev/pkg/principal"
)

type startKey struct{}

// identify gives the request an id. One sent by the caller is not taken over:
// it would let anyone write into other people's log lines.
func identify(c clock.Clock) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := ids.RequestID()
			for _, name := range transcode.HeadersRequestID {
				w.Header().Set(name, id)
			}
			ctx := principal.NewRequestContext(r.Context(), principal.Request{ID: id})
			ctx = context.WithValue(ctx, startKey{}, c.Now())
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// observe writes the access log line and the root span. Query strings stay out
// of both: they can hold tokens.
func observe(c Config) func(http.Handler) http.Handler {
	tracer := c.Tracers.Tracer("vestibule.dev/gateway")
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, span := tracer.Start(r.Context(), r.Method, trace.WithSpanKind(trace.SpanKindServer), trace.WithNewRoot())
			defer span.End()
			found := &seen{}
			done := serve(next, w, r.WithContext(context.WithValue(ctx, seenKey{}, found)), nil)
			start, _ := ctx.Value(startKey{}).(time.Time)
			elapsed := c.Clock.Now().Sub(start)
			c.Requests.Observe(ctx, elapsed, methodLabel(r.Method), found.route, strconv.Itoa(done.status))
			nameSpan(span, r.Method, found.route)
			span.SetAttributes(
				attribute.String("http.request.method", r.Method),
				// A path may hold a code, such as that of a checkout page.
				attribute.String("url.path", obs.Redact(r.URL.Path)),
				attribute.Int("http.response.status_code", done.status),
			)
			if done.status >= http.StatusInternalServerError {
				span.SetStatus(codes.Error, "")
			}
			c.Log.LogAttrs(ctx, slog.LevelInfo, "request",
				slog.String("method", r.Method),
				slog.String("path", r.URL.Path),
				slog.Int("status", done.status),
				slog.String("error", w.Header().Get(transcode.HeadersKnownError[0])),
				slog.Int64("bytes", done.bytes),
				slog.Duration("duration", elapsed),
			)
		})
	}
}

// recoverPanics answers 500 instead of closing the connection.
func recoverPanics(log *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				switch p := recover(); p {
				case nil:
				case http.ErrAbortHandler:
					panic(p)
				default:
					log.ErrorContext(r.Context(), "panic", "value", p, "method", r.Method, "path", r.URL.Path)
					transcode.RenderError(w, errPanic)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
}
