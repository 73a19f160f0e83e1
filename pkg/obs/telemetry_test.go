package obs_test

import (
	"context"
	"net"
	"testing"

	colmetric "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"vestibule.dev/pkg/obs"
)

func TestStartTelemetry_noEndpoint_exportsNothing(t *testing.T) {
	tel, err := obs.StartTelemetry(t.Context(), obs.TelemetryConfig{Service: "teams"})
	if err != nil || tel.Exporting() {
		t.Fatal(tel, err)
	}
	_, span := tel.Tracers.Tracer("t").Start(t.Context(), "s")
	if span.SpanContext().IsValid() || span.IsRecording() {
		t.Error("span recorded for nobody")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tel.Run(ctx); err != nil {
		t.Error(err)
	}
	if (*obs.Telemetry)(nil).Exporting() {
		t.Error("no telemetry exports")
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
	sink := &collector{spans: make(chan string, 16)}
	server := grpc.NewServer()
	coltrace.RegisterTraceServiceServer(server, sink)
	colmetric.RegisterMetricsServiceServer(server, metricSink{})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)

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
	if err := tel.Run(ctx); err != nil {
		t.Fatal(err)
	}
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
