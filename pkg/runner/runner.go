package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"
)

// Stage says when a component stops. Later stages outlive earlier ones.
type Stage int

const (
	// Servers take requests. They stop first and finish what they have begun.
	Servers Stage = iota
	// Workers relay, consume and tidy up.
	Workers
	// Pools hold connections the others use.
	Pools

	stages = iota
)

// limits are how long each stage may take to stop. A server drains for at
// most 20 s by itself; the rest is for cutting off what did not finish.
var limits = [stages]time.Duration{Servers: 22 * time.Second, Workers: 10 * time.Second, Pools: 5 * time.Second}

// Config configures a [Group].
type Config struct {
	Logger *slog.Logger
	// Grace is the time between reporting not ready and draining, in which
	// load balancers stop sending requests. 0 suits tests and laptops.
	Grace time.Duration
}

// Group runs components until told to stop. Make one with [New], add the
// components, then call [Group.Run] once.
type Group struct {
	cfg        Config
	components [stages][]component
	ready      atomic.Bool
}

type component struct {
	name string
	run  func(context.Context) error
}

// New returns an empty group.
func New(cfg Config) *Group {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Group{cfg: cfg}
}

// Add adds a component. Its run function works until its context is done, then
// finishes and returns. To return earlier, for whatever reason, is a failure
// that stops the whole group.
func (g *Group) Add(stage Stage, name string, run func(context.Context) error) {
	g.components[stage] = append(g.components[stage], component{name, run})
}

// AddClose adds something that needs no care until it is closed.
func (g *Group) AddClose(stage Stage, name string, closeIt func() error) {
	g.Add(stage, name, func(ctx context.Context) error {
		<-ctx.Done()
		return closeIt()
	})
}

// Ready reports whether the group runs and has not begun to stop. Readiness
// probes include it, so that no new work arrives during a shutdown.
func (g *Group) Ready() bool { return g.ready.Load() }

// ended is what one component returned.
type ended struct {
	stage Stage
	name  string
	err   error
}

// Run starts all components and returns when all have stopped: nil after ctx
// was cancelled and everything stopped in time, else what failed.
func (g *Group) Run(ctx context.Context) error {
	var (
		total  int
		ctxs   [stages]context.Context
		cancel [stages]context.CancelFunc
		alive  [stages]int
	)
	for stage := range g.components {
		// Values of ctx pass through; its cancellation does not, because the
		// stages have to end one after the other.
		ctxs[stage], cancel[stage] = context.WithCancel(context.WithoutCancel(ctx))
		defer cancel[stage]()
		alive[stage] = len(g.components[stage])
		total += alive[stage]
	}
	done := make(chan ended, total) // roomy, so that an abandoned component can still end
	for stage := Stage(stages - 1); stage >= 0; stage-- {
		for _, c := range g.components[stage] {
			go func() { done <- ended{stage, c.name, guard(ctxs[stage], c)} }()
		}
	}
	g.ready.Store(true)

	var failures []error
	select {
	case <-ctx.Done():
		g.ready.Store(false)
		g.cfg.Logger.Info("stopping", "cause", context.Cause(ctx), "grace", g.cfg.Grace)
		if e, early := g.grace(done); early {
			alive[e.stage]--
			failures = append(failures, failed(e))
		}
	case e := <-done:
		g.ready.Store(false)
		alive[e.stage]--
		failures = append(failures, failed(e))
		g.cfg.Logger.Error("stopping because a component ended", "component", e.name, "error", e.err)
	}

	for stage := range Stage(stages) {
		cancel[stage]()
		timeout := time.NewTimer(limits[stage])
		for alive[stage] > 0 {
			select {
			case e := <-done:
				alive[e.stage]--
				if e.stage > stage {
					failures = append(failures, failed(e))
				} else if e.err != nil && !errors.Is(e.err, context.Canceled) {
					failures = append(failures, fmt.Errorf("%s: %w", e.name, e.err))
				}
				continue
			case <-timeout.C:
				failures = append(failures, fmt.Errorf("%d of the %s did not stop within %v", alive[stage], stage, limits[stage]))
			}
			break
		}
		timeout.Stop()
	}
	return errors.Join(failures...)
}

// grace waits before draining. It ends early when a component ends.
func (g *Group) grace(done <-chan ended) (ended, bool) {
	if g.cfg.Grace <= 0 {
		return ended{}, false
	}
	timer := time.NewTimer(g.cfg.Grace)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ended{}, false
	case e := <-done:
		return e, true
	}
}

// failed describes a component that ended before it was told to.
func failed(e ended) error {
	if e.err == nil {
		return fmt.Errorf("%s ended unexpectedly", e.name)
	}
	return fmt.Errorf("%s: %w", e.name, e.err)
}

// guard turns a panic into an error, so that the other components still get to
// finish their work.
func guard(ctx context.Context, c component) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return c.run(ctx)
}

// String returns the plural name of the stage.
func (s Stage) String() string { return [...]string{"servers", "workers", "pools"}[s] }

// SignalContext returns a context that ends with the first SIGINT or SIGTERM.
// The second one kills the process as if nobody listened.
func SignalContext(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = signal.NotifyContext(parent, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
