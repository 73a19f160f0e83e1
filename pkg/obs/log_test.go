package obs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"vestibule.dev/pkg/obs"
	"vestibule.dev/pkg/principal"
)

func inRequest(t *testing.T) context.Context {
	t.Helper()
	ctx := principal.NewRequestContext(t.Context(), principal.Request{ID: "0123456789abcdef"})
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled,
	}))
}

func TestNewLogger_inRequest_carriesIDsAtTopLevel(t *testing.T) {
	for name, derive := range map[string]func(*slog.Logger) *slog.Logger{
		"plain":            func(l *slog.Logger) *slog.Logger { return l },
		"attributes":       func(l *slog.Logger) *slog.Logger { return l.With("a", 1) },
		"group":            func(l *slog.Logger) *slog.Logger { return l.WithGroup("g") },
		"group, attribute": func(l *slog.Logger) *slog.Logger { return l.WithGroup("g").With("a", 1).WithGroup("h") },
		"nameless group":   func(l *slog.Logger) *slog.Logger { return l.WithGroup("") },
	} {
		var out bytes.Buffer
		log := derive(obs.NewLogger(&out, obs.LogConfig{Service: "teams"}))
		log.InfoContext(inRequest(t), "hello", "k", "v")
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]any{
			"service":    "teams",
			"request_id": "0123456789abcdef",
			"trace_id":   "01000000000000000000000000000000",
			"span_id":    "0200000000000000",
			"msg":        "hello",
		} {
			if line[key] != want {
				t.Errorf("%s: %s = %v, want %v in %s", name, key, line[key], want, &out)
			}
		}
		if strings.Contains(name, "attribute") && !strings.Contains(out.String(), `"a":1`) {
			t.Errorf("%s: attribute lost in %s", name, &out)
		}
		out.Reset()
		log.Info("outside")
		if strings.Contains(out.String(), "request_id") {
			t.Errorf("%s: ids without a request in %s", name, &out)
		}
		if name == "group, attribute" {
			out.Reset()
			log.Info("outside", "k", "v")
			if !strings.Contains(out.String(), `"g":{"a":1,"h":{"k":"v"}}`) {
				t.Errorf("%s: %s", name, &out)
			}
		}
	}
}

func TestNewLogger_levelAndFormat_areFollowed(t *testing.T) {
	var out bytes.Buffer
	log := obs.NewLogger(&out, obs.LogConfig{Service: "teams", Level: slog.LevelWarn, Text: true})
	log.Info("quiet")
	log.Warn("loud")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, `level=WARN msg=loud service=teams`) {
		t.Error(got)
	}
}
