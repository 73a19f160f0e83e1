package observability

import (
	"context"
	"encoding/hex"
	"net"
	"sync"

	colmetric "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
)

// span is one piece of work of one process.
type span struct{ trace, id, parent, process, name string }

// collector keeps the spans that processes export.
type collector struct {
	address string
	server  *grpc.Server

	mu    sync.Mutex
	spans []span
}

// metrics is the other half of a collector, whose methods have the same names.
type metrics struct {
	colmetric.UnimplementedMetricsServiceServer
}

func (metrics) Export(context.Context, *colmetric.ExportMetricsServiceRequest) (*colmetric.ExportMetricsServiceResponse, error) {
	return &colmetric.ExportMetricsServiceResponse{}, nil
}

func startCollector() (*collector, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &collector{address: listener.Addr().String(), server: grpc.NewServer()}
	coltrace.RegisterTraceServiceServer(c.server, traces{c: c})
	colmetric.RegisterMetricsServiceServer(c.server, metrics{})
	go func() { _ = c.server.Serve(listener) }()
	return c, nil
}

func (c *collector) stop() { c.server.Stop() }

type traces struct {
	coltrace.UnimplementedTraceServiceServer
	c *collector
}

func (t traces) Export(_ context.Context, req *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	for _, resource := range req.GetResourceSpans() {
		process := ""
		for _, attribute := range resource.GetResource().GetAttributes() {
			if attribute.GetKey() == "service.name" {
				process = attribute.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				t.c.spans = append(t.c.spans, span{
					trace: hex.EncodeToString(s.GetTraceId()), id: hex.EncodeToString(s.GetSpanId()),
					parent: hex.EncodeToString(s.GetParentSpanId()), process: process, name: s.GetName(),
				})
			}
		}
	}
	return &coltrace.ExportTraceServiceResponse{}, nil
}

// of returns the spans of one trace so far.
func (c *collector) of(trace string) []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []span
	for _, s := range c.spans {
		if s.trace == trace {
			found = append(found, s)
		}
	}
	return found
}
