package obs_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	colmetric "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"vestibule.dev/pkg/obs"
)

func TestStartTelemetry_noEndpoint_exportsNothing(t *testing.T) {
	tel, err := obs.StartTelemetry(t.Context(), obs.TelemetryConfig{Service: "teams"})
	if err != nil || tel.Exporting() || tel.Measuring() || tel.Metrics() != nil {
		t.Fatal(tel, err)
	}
	_, span := tel.Tracers.Tracer("t").Start(t.Context(), "s")
	if span.IsRecording() || span.SpanContext().IsSampled() {
		t.Error("span recorded for nobody")
	}
	if !span.SpanContext().IsValid() {
		t.Error("nothing joins the lines of a request")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tel.Run(ctx); err != nil {
		t.Error(err)
	}
	if (*obs.Telemetry)(nil).Exporting() || (*obs.Telemetry)(nil).Measuring() || (*obs.Telemetry)(nil).Metrics() != nil {
		t.Error("no telemetry exports")
	}
}

func TestMetrics_scraped_haveTheirPrometheusNames(t *testing.T) {
	tel, err := obs.StartTelemetry(t.Context(), obs.TelemetryConfig{Service: "teams", Scraped: true})
	if err != nil || !tel.Measuring() || tel.Exporting() {
		t.Fatal(tel, err)
	}
	calls, err := obs.NewCalls(tel, "rpc.server.call.duration", "rpc.method", "rpc.response.status_code")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		calls.Observe(t.Context(), 7*time.Millisecond, "/teams.v1.TeamService/GetTeam", "OK")
	}
	err = obs.Gauges(tel, "outbox", map[string]string{"vestibule.outbox.unpublished": "Events that wait."},
		func(context.Context) (map[string]float64, error) {
			return map[string]float64{"vestibule.outbox.unpublished": 42}, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	tel.Metrics().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`rpc_server_call_duration_seconds_bucket{rpc_method="/teams.v1.TeamService/GetTeam",rpc_response_status_code="OK",le="0.01"} 3`,
		`vestibule_outbox_unpublished 42`,
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%s is missing in\n%s", want, answer.Body)
		}
	}
}

type collector struct {
	coltrace.UnimplementedTraceServiceServer
	spans chan string
}

func (c *collector) Export(_ context.Context, req *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	for _, r := range req.GetResourceSpans() {
		for _, a := range r.GetResource().GetAttributes() {
			c.spans <- a.GetKey() + "=" + a.GetValue().GetStringValue()
		}
		for _, s := range r.GetScopeSpans() {
			for _, span := range s.GetSpans() {
				c.spans <- "span=" + span.GetName()
			}
		}
	}
	return &coltrace.ExportTraceServiceResponse{}, nil
}

type metricSink struct {
	colmetric.UnimplementedMetricsServiceServer
}

func (metricSink) Export(context.Context, *colmetric.ExportMetricsServiceRequest) (*colmetric.ExportMetricsServiceResponse, error) {
	return &colmetric.ExportMetricsServiceResponse{}, nil
}

func TestStartTelemetry_endpoint_receivesSpansAtTheEnd(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sink := &collector{spans: make(chan string, 10_000)}
	server := grpc.NewServer()
	coltrace.RegisterTraceServiceServer(server, sink)
	colmetric.RegisterMetricsServiceServer(server, metricSink{})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)

	run := func() error {
		t.Helper()
		tel, err := obs.StartTelemetry(t.Context(), obs.TelemetryConfig{
			Service: "teams", Version: "v1", Endpoint: "http://" + listener.Addr().String(),
		})
		if err != nil || !tel.Exporting() {
			t.Fatal(err)
		}
		_, span := tel.Tracers.Tracer("t").Start(t.Context(), "work")
		span.End()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return tel.Run(ctx)
	}
	// A process that ends waits three seconds for its last spans to be taken; a
	// busy machine may take longer.
	for timeout := time.Now().Add(2 * time.Minute); ; {
		err := run()
		if err == nil {
			break
		}
		if time.Now().After(timeout) {
			t.Fatal(err)
		}
	}
	server.Stop()
	close(sink.spans)
	got := map[string]bool{}
	for s := range sink.spans {
		got[s] = true
	}
	for _, want := range []string{"service.name=teams", "service.version=v1", "span=work"} {
		if !got[want] {
			t.Errorf("%s missing in %v", want, got)
		}
	}
}
