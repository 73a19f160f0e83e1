package obs

import (
	"context"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"vestibule.dev/pkg/principal"
)

// LogConfig configures [NewLogger].
type LogConfig struct {
	// Service is the name on every line.
	Service string
	Level   slog.Leveler
	// Text selects lines for people instead of JSON.
	Text bool
}

// NewLogger returns a logger that writes to w.
func NewLogger(w io.Writer, cfg LogConfig) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.Level, ReplaceAttr: replaceAttr}
	var h slog.Handler
	if cfg.Text {
		h = slog.NewTextHandler(w, opts)
	} else {
		h = slog.NewJSONHandler(w, opts)
	}
	if cfg.Service != "" {
		h = h.WithAttrs([]slog.Attr{slog.String("service", cfg.Service)})
	}
	return slog.New(&requestHandler{root: h})
}

// requestHandler adds the ids that join the lines of one request. They stay at
// the top level of a line whatever groups the logger has, so they are added
// under the groups, which are therefore replayed at the end.
type requestHandler struct {
	root   slog.Handler
	groups []func(slog.Handler) slog.Handler
	// plain is root with the groups applied, for lines outside a request.
	plain slog.Handler
}

func (h *requestHandler) current() slog.Handler {
	if h.plain != nil {
		return h.plain
	}
	return h.root
}

// Enabled implements slog.Handler.
func (h *requestHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.root.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *requestHandler) Handle(ctx context.Context, r slog.Record) error {
	if ctx == nil {
		return h.current().Handle(ctx, r)
	}
	ids := make([]slog.Attr, 0, 3)
	if id := principal.RequestFromContext(ctx).ID; id != "" {
		ids = append(ids, slog.String("request_id", id))
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		ids = append(ids, slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	switch {
	case len(ids) == 0:
		return h.current().Handle(ctx, r)
	case len(h.groups) == 0:
		r = r.Clone()
		r.AddAttrs(ids...)
		return h.root.Handle(ctx, r)
	}
	next := h.root.WithAttrs(ids)
	for _, apply := range h.groups {
		next = apply(next)
	}
	return next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *requestHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(h.groups) == 0 {
		return &requestHandler{root: h.root.WithAttrs(attrs)}
	}
	return h.with(func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h *requestHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

func (h *requestHandler) with(apply func(slog.Handler) slog.Handler) slog.Handler {
	return &requestHandler{
		root:   h.root,
		groups: append(h.groups[:len(h.groups):len(h.groups)], apply),
		plain:  apply(h.current()),
	}
}
