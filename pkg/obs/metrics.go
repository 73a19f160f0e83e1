package obs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// scope names this library to exporters.
const scope = "vestibule.dev/pkg/obs"

// callBounds are the buckets of durations in seconds: fine where a request
// should be, coarse up to the longest there is. Every bucket is a time series
// per method and status, so there are few.
var callBounds = []float64{0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10}

// Calls measures rate, errors and duration of one kind of request.
type Calls struct {
	histogram metric.Float64Histogram
	names     []string
	// options are the attribute sets seen so far; there are as many as time
	// series.
	options sync.Map
}

// maxLabels is how many attributes a call may have.
const maxLabels = 3

// NewCalls returns an instrument of this name, such as
// http.server.request.duration, with attributes of these names, at most three;
// nil when nobody measures.
func NewCalls(t *Telemetry, name string, attributes ...string) (*Calls, error) {
	if !t.Measuring() {
		return nil, nil
	}
	histogram, err := t.Meters.Meter(scope).Float64Histogram(name, metric.WithUnit("s"),
		metric.WithDescription("How long requests took, by what they were and how they ended."),
		metric.WithExplicitBucketBoundaries(callBounds...))
	if err != nil {
		return nil, fmt.Errorf("obs: %s: %w", name, err)
	}
	return &Calls{histogram: histogram, names: attributes}, nil
}

// Observe counts one request. The values are those of the attributes in their
// order and must come from a small set: each combination is a time series.
func (c *Calls) Observe(ctx context.Context, elapsed time.Duration, values ...string) {
	if c == nil {
		return
	}
	var key [maxLabels]string
	copy(key[:], values)
	option, ok := c.options.Load(key)
	if !ok {
		attributes := make([]attribute.KeyValue, len(c.names))
		for i, name := range c.names {
			attributes[i] = attribute.String(name, key[i])
		}
		option, _ = c.options.LoadOrStore(key, metric.WithAttributeSet(attribute.NewSet(attributes...)))
	}
	c.histogram.Record(ctx, elapsed.Seconds(), option.(metric.RecordOption))
}

// Counts counts what happened, by what it was.
type Counts struct {
	counter metric.Int64Counter
	names   []string
}

// NewCounts returns a counter of this name with attributes of these names; nil
// when nobody measures. Each of the first values is shown as zero from the
// beginning, so that the first one that happens is seen to.
func NewCounts(ctx context.Context, t *Telemetry, name, description string, attributes []string, first ...[]string) (*Counts, error) {
	if !t.Measuring() {
		return nil, nil
	}
	counter, err := t.Meters.Meter(scope).Int64Counter(name, metric.WithDescription(description))
	if err != nil {
		return nil, fmt.Errorf("obs: %s: %w", name, err)
	}
	counts := &Counts{counter: counter, names: attributes}
	for _, values := range first {
		counts.add(ctx, 0, values)
	}
	return counts, nil
}

// Add counts one. The values are those of the attributes in their order and must
// come from a small set: each combination is a time series.
func (c *Counts) Add(ctx context.Context, values ...string) { c.add(ctx, 1, values) }

func (c *Counts) add(ctx context.Context, n int64, values []string) {
	if c == nil {
		return
	}
	attributes := make([]attribute.KeyValue, len(c.names))
	for i, name := range c.names {
		attributes[i] = attribute.String(name, values[i])
	}
	c.counter.Add(ctx, n, metric.WithAttributeSet(attribute.NewSet(attributes...)))
}

// gaugeLimit bounds the reading of a group of gauges.
const gaugeLimit = 2 * time.Second

// Gauges makes gauges, given with their descriptions, that read shows when they
// are scraped. A reading that fails shows none of them, which alerts notice. The
// attributes are the same for all.
func Gauges(t *Telemetry, group string, descriptions map[string]string,
	read func(ctx context.Context) (map[string]float64, error), attributes ...attribute.KeyValue,
) error {
	if !t.Measuring() {
		return nil
	}
	return observe(t, group, descriptions, read, attributes, func(m metric.Meter, name, description string) (metric.Float64Observable, error) {
		return m.Float64ObservableGauge(name, metric.WithDescription(description))
	})
}

// Counters is [Gauges] for what only grows.
func Counters(t *Telemetry, group string, descriptions map[string]string,
	read func(ctx context.Context) (map[string]float64, error), attributes ...attribute.KeyValue,
) error {
	if !t.Measuring() {
		return nil
	}
	return observe(t, group, descriptions, read, attributes, func(m metric.Meter, name, description string) (metric.Float64Observable, error) {
		return m.Float64ObservableCounter(name, metric.WithDescription(description))
	})
}

func observe(t *Telemetry, group string, descriptions map[string]string,
	read func(ctx context.Context) (map[string]float64, error), attributes []attribute.KeyValue,
	newInstrument func(m metric.Meter, name, description string) (metric.Float64Observable, error),
) error {
	meter := t.Meters.Meter(scope)
	instruments := make(map[string]metric.Float64Observable, len(descriptions))
	all := make([]metric.Observable, 0, len(descriptions))
	for name, description := range descriptions {
		instrument, err := newInstrument(meter, name, description)
		if err != nil {
			return fmt.Errorf("obs: %s: %w", name, err)
		}
		instruments[name], all = instrument, append(all, instrument)
	}
	option := metric.WithAttributeSet(attribute.NewSet(attributes...))
	_, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, gaugeLimit)
		defer cancel()
		values, err := read(ctx)
		if err != nil {
			return fmt.Errorf("obs: %s: %w", group, err)
		}
		for name, value := range values {
			o.ObserveFloat64(instruments[name], value, option)
		}
		return nil
	}, all...)
	return err
}
