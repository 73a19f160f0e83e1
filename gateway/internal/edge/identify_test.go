package edge

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/ids"
)

// tracer hands out spans and notes what is said about them.
type tracer struct {
	noop.Tracer

	said []attribute.KeyValue
}

func (t *tracer) Start(ctx context.Context, _ string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	return ctx, &span{tracer: t}
}

type tracers struct {
	noop.TracerProvider

	tracer *tracer
}

func (t *tracers) Tracer(string, ...trace.TracerOption) trace.Tracer { return t.tracer }

type span struct {
	noop.Span

	tracer *tracer
}

func (s *span) SetAttributes(attributes ...attribute.KeyValue) {
	s.tracer.said = append(s.tracer.said, attributes...)
}

// A checkout page has the code that buys in its path.
func TestObserve_codesInPaths_areNotToldToTraces(t *testing.T) {
	code := ids.NewUUID() + "_" + ids.Secret()
	told := &tracer{}
	chain := observe(Config{Tracers: &tracers{tracer: told}, Clock: clock.System(), Log: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequest(http.MethodGet, "/purchase/"+code+"?return_url=x", nil)
	chain(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	path := ""
	for _, fact := range told.said {
		text := fact.Value.String()
		if strings.Contains(text, code[len(code)-10:]) {
			t.Errorf("%s is %s", fact.Key, text)
		}
		if fact.Key == "url.path" {
			path = text
		}
	}
	if !strings.HasPrefix(path, "/purchase/") {
		t.Errorf("the path is %q", path)
	}
}
