package obs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
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
	// "http://collector:4317". Empty means that traces are not exported and
	// metrics are there for scraping alone. The other OTEL_* variables are
	// read by the exporters themselves.
	Endpoint string
	// Scraped keeps metrics for [Telemetry.Metrics].
	Scraped bool
}

// Telemetry makes spans and instruments.
type Telemetry struct {
	Tracers trace.TracerProvider
	Meters  metric.MeterProvider

	exporting bool
	registry  *prometheus.Registry
	shutdown  []func(context.Context) error
}

// flushLimit bounds the last export: a collector that is down must not keep a
// process from ending.
const flushLimit = 3 * time.Second

// Propagator carries W3C trace context between processes. Baggage is left out:
// nothing reads it, and callers could fill it.
var Propagator propagation.TextMapPropagator = propagation.TraceContext{}

// NoTelemetry returns telemetry that measures nothing and traces nothing.
func NoTelemetry() *Telemetry {
	return &Telemetry{Tracers: tracenoop.NewTracerProvider(), Meters: metricnoop.NewMeterProvider()}
}

// StartTelemetry returns telemetry that exports to the configured endpoint, if
// there is one. It does not wait for the endpoint to answer. Without one, spans
// are not recorded and still have ids, so that the lines and events of one
// request can be found everywhere.
func StartTelemetry(ctx context.Context, cfg TelemetryConfig) (*Telemetry, error) {
	res := resource.NewSchemaless(semconv.ServiceName(cfg.Service), semconv.ServiceVersion(cfg.Version))
	t := NoTelemetry()
	var readers []sdkmetric.Option
	if cfg.Scraped {
		reader, err := t.scraped()
		if err != nil {
			return nil, err
		}
		readers = append(readers, sdkmetric.WithReader(reader))
	}
	if cfg.Endpoint == "" {
		t.Tracers = sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
	} else {
		spans, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(cfg.Endpoint))
		if err != nil {
			return nil, fmt.Errorf("obs: start trace exporter: %w", err)
		}
		points, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpointURL(cfg.Endpoint))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("obs: start metric exporter: %w", err), spans.Shutdown(ctx))
		}
		tracers := sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(spans))
		readers = append(readers, sdkmetric.WithReader(sdkmetric.NewPeriodicReader(points)))
		t.Tracers, t.exporting, t.shutdown = tracers, true, append(t.shutdown, tracers.Shutdown)
		// Statements, the relay and consumers ask here.
		otel.SetTracerProvider(tracers)
	}
	if len(readers) > 0 {
		meters := sdkmetric.NewMeterProvider(append(readers, sdkmetric.WithResource(res))...)
		t.Meters, t.shutdown = meters, append(t.shutdown, meters.Shutdown)
	}
	return t, nil
}

// scraped returns the reader behind the page that Prometheus asks for. The
// registry is the telemetry's own: libraries put what they like into the global
// one.
func (t *Telemetry) scraped() (sdkmetric.Reader, error) {
	t.registry = prometheus.NewRegistry()
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := otelprometheus.New(otelprometheus.WithRegisterer(t.registry), otelprometheus.WithoutScopeInfo(), otelprometheus.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("obs: start Prometheus exporter: %w", err)
	}
	return reader, nil
}

// Exporting reports whether spans leave the process. Callers skip work that
// would be thrown away.
func (t *Telemetry) Exporting() bool { return t != nil && t.exporting }

// Measuring reports whether anybody can read the metrics.
func (t *Telemetry) Measuring() bool { return t != nil && (t.exporting || t.registry != nil) }

// Metrics serves all metrics in the text format of Prometheus; nil unless they
// are scraped.
func (t *Telemetry) Metrics() http.Handler {
	if t == nil || t.registry == nil {
		return nil
	}
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 10 * time.Second})
}

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
