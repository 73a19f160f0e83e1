package service

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"vestibule.dev/pkg/inbox"
	"vestibule.dev/pkg/obs"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/tenancy"
)

// measure makes the instruments that all services have beside those of their
// calls: what limits a service, and what waits in it.
func (p *Platform) measure() error {
	const inFlight, limit = "vestibule.requests.in_flight", "vestibule.requests.in_flight.limit"
	err := obs.Gauges(p.telemetry, "in-flight limit", map[string]string{
		inFlight: "Requests worked on now.",
		limit:    "Requests that may be worked on at a time.",
	}, func(context.Context) (map[string]float64, error) {
		load := p.GRPC.Load()
		return map[string]float64{inFlight: float64(load.InFlight), limit: float64(load.Limit)}, nil
	})
	if err != nil {
		return err
	}
	const shed, limited = "vestibule.requests.shed", "vestibule.requests.rate_limited"
	err = obs.Counters(p.telemetry, "refusals", map[string]string{
		shed:    "Requests refused because too many were worked on.",
		limited: "Requests refused because their caller sent too many.",
	}, func(context.Context) (map[string]float64, error) {
		load := p.GRPC.Load()
		return map[string]float64{shed: float64(load.Shed), limited: float64(load.RateLimited)}, nil
	})
	if err != nil {
		return err
	}
	if err := p.measurePool(); err != nil {
		return err
	}
	err = p.MeasureQueue("outbox", func(ctx context.Context) (int64, time.Duration, error) {
		status, err := outbox.ReadStatus(ctx, p.DB)
		return status.Unpublished, status.OldestAge, err
	})
	if err != nil {
		return err
	}
	const parked = "vestibule.inbox.parked"
	return obs.Gauges(p.telemetry, "inbox", map[string]string{
		parked: "Events that failed too often and wait for an operator.",
	}, func(ctx context.Context) (map[string]float64, error) {
		n, err := inbox.Parked(tenancy.ForAllProjects(ctx), p.DB)
		return map[string]float64{parked: float64(n)}, err
	})
}

func (p *Platform) measurePool() error {
	const used, idle, most = "vestibule.db.connections.used", "vestibule.db.connections.idle", "vestibule.db.connections.max"
	err := obs.Gauges(p.telemetry, "database pool", map[string]string{
		used: "Database connections in use.",
		idle: "Database connections that wait for work.",
		most: "Database connections that may be open.",
	}, func(context.Context) (map[string]float64, error) {
		stat := p.DB.Stat()
		return map[string]float64{
			used: float64(stat.AcquiredConns()), idle: float64(stat.IdleConns()), most: float64(stat.MaxConns()),
		}, nil
	})
	if err != nil {
		return err
	}
	const (
		acquires = "vestibule.db.acquires"
		waited   = "vestibule.db.acquires.waited"
		failed   = "vestibule.db.acquires.failed"
		waiting  = "vestibule.db.acquire.wait.seconds"
	)
	return obs.Counters(p.telemetry, "database pool", map[string]string{
		acquires: "Connections taken from the pool.",
		waited:   "Connections that were waited for.",
		failed:   "Connections that did not come in time.",
		waiting:  "Time spent waiting for connections.",
	}, func(context.Context) (map[string]float64, error) {
		stat := p.DB.Stat()
		return map[string]float64{
			acquires: float64(stat.AcquireCount()), waited: float64(stat.EmptyAcquireCount()),
			failed: float64(stat.CanceledAcquireCount()), waiting: stat.EmptyAcquireWaitTime().Seconds(),
		}, nil
	})
}

// MeasureQueue shows how much waits in a queue of the service, and for how long
// the oldest of it has.
func (p *Platform) MeasureQueue(name string, read func(ctx context.Context) (waiting int64, oldest time.Duration, err error)) error {
	const waiting, age = "vestibule.queue.waiting", "vestibule.queue.oldest.age.seconds"
	return obs.Gauges(p.telemetry, name, map[string]string{
		waiting: "What waits in a queue.",
		age:     "How long the oldest in a queue has waited.",
	}, func(ctx context.Context) (map[string]float64, error) {
		n, oldest, err := read(tenancy.ForAllProjects(ctx))
		return map[string]float64{waiting: float64(n), age: oldest.Seconds()}, err
	}, attribute.String("queue", name))
}

// Counts returns a counter, which may be nil and then counts nothing.
func (p *Platform) Counts(ctx context.Context, name, description string, attributes []string, first ...[]string) (*obs.Counts, error) {
	return obs.NewCounts(ctx, p.telemetry, name, description, attributes, first...)
}

// MeasureGate shows how busy something is that few may do at a time.
func (p *Platform) MeasureGate(name string, read func() (working, waiting, limit int)) error {
	const working, waiting, limit = "vestibule.gate.working", "vestibule.gate.waiting", "vestibule.gate.limit"
	return obs.Gauges(p.telemetry, name, map[string]string{
		working: "How many pass a gate now.",
		waiting: "How many wait before a gate.",
		limit:   "How many may pass a gate at a time.",
	}, func(context.Context) (map[string]float64, error) {
		w, q, l := read()
		return map[string]float64{working: float64(w), waiting: float64(q), limit: float64(l)}, nil
	}, attribute.String("gate", name))
}

// measureConsumers shows how much waits for each consumer on the stream.
func (p *Platform) measureConsumers() error {
	const pending = "vestibule.consumer.pending"
	for _, consumer := range p.consumers {
		err := obs.Gauges(p.telemetry, "consumer "+consumer.Name(), map[string]string{
			pending: "Events that wait for a consumer on the stream.",
		}, func(ctx context.Context) (map[string]float64, error) {
			n, err := consumer.Pending(ctx)
			return map[string]float64{pending: float64(n)}, err
		}, attribute.String("consumer", consumer.Name()))
		if err != nil {
			return err
		}
	}
	return nil
}
