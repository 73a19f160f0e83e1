package obs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// TelemetryConfig configures [StartTelemetry].
type TelemetryConfig struct {
	// Service is the service.name of everything exported; Version its
	// service.version.
	Service, Version string
	// Endpoint is the value of OTEL_EXPORTER_OTLP_ENDPOINT, such as
	// "http://collector:4317". Empty means nothing is exported. The other
	// OTEL_* variables are read by the exporters themselves.
	Endpoint string
}

// Telemetry makes spans and instruments.
type Telemetry struct {
	Tracers trace.TracerProvider
	Meters  metric.MeterProvider

	exporting bool
	shutdown  []func(context.Context) error
}

// flushLimit bounds the last export: a collector that is down must not keep a
// process from ending.
const flushLimit = 3 * time.Second

// Propagator carries W3C trace context between processes. Baggage is left out:
// nothing reads it, and callers could fill it.
var Propagator propagation.TextMapPropagator = propagation.TraceContext{}

// NoTelemetry returns telemetry that exports nothing.
func NoTelemetry() *Telemetry {
	return &Telemetry{Tracers: tracenoop.NewTracerProvider(), Meters: metricnoop.NewMeterProvider()}
}

// StartTelemetry returns telemetry that exports to the configured endpoint, if
// there is one. It does not wait for the endpoint to answer.
func StartTelemetry(ctx context.Context, cfg TelemetryConfig) (*Telemetry, error) {
	if cfg.Endpoint == "" {
		return NoTelemetry(), nil
	}
	res := resource.NewSchemaless(semconv.ServiceName(cfg.Service), semconv.ServiceVersion(cfg.Version))
	spans, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(cfg.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("obs: start trace exporter: %w", err)
	}
	points, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpointURL(cfg.Endpoint))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("obs: start metric exporter: %w", err), spans.Shutdown(ctx))
	}
	tracers := sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(spans))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithResource(res), sdkmetric.WithReader(sdkmetric.NewPeriodicReader(points)))
	return &Telemetry{
		Tracers:   tracers,
		Meters:    meters,
		exporting: true,
		shutdown:  []func(context.Context) error{tracers.Shutdown, meters.Shutdown},
	}, nil
}

// Exporting reports whether anything leaves the process. Callers skip work
// that would be thrown away.
func (t *Telemetry) Exporting() bool { return t != nil && t.exporting }

// Run exports what is left when ctx ends; it suits a run group, in the stage
// of the pools.
func (t *Telemetry) Run(ctx context.Context) error {
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushLimit)
	defer cancel()
	var errs []error
	for _, shutdown := range t.shutdown {
		errs = append(errs, shutdown(ctx))
	}
	return errors.Join(errs...)
}
