package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"vestibule.dev/pkg/secret"
	"vestibule.dev/test/database"
	"vestibule.dev/test/process"
	"vestibule.dev/test/stack"
)

// row is one operation in the report.
type row struct {
	operation
	count count
	// loaded is the closed loop with many connections, alone the one with a
	// single one.
	loaded, alone cost
	// floor is the cost of the shape measured just before.
	floor float64
}

// cost is a loop and what it took.
type cost struct {
	result
	// cpu is milliseconds per success, summed over all processes.
	cpu float64
}

// report is everything that was measured.
type report struct {
	settings settings
	revision string
	rows     []row
	floors   map[shape][]float64
	hash     float64 // milliseconds of processor time
	// Cold and warm are start to healthy of the whole system, without and with
	// existing data.
	cold, warm time.Duration
	// idle, busy and rested are the memory of each process before load, at its
	// end, and after rest.
	idle, busy, rested map[string]int64
	// background is the share of one processor that the idle system uses.
	background float64
	steady     result // users/me at a fixed rate on an idle system
	steadyRate int
	flood      floodResult
	// eventDelay and webhookDelay are how long facts took to be told.
	eventDelay, webhookDelay result
}

type floodResult struct {
	reads, signIns result
	rate           int
}

func measure(ctx context.Context, s settings, progress func(string, ...any)) (*report, error) {
	r := &report{settings: s, revision: revision(), floors: map[shape][]float64{}}
	progress("starting a system to count in")
	begin := time.Now()
	system, err := stack.Start(ctx, countingEnvironment)
	if err != nil {
		return nil, err
	}
	defer func() { _ = system.Stop() }()
	r.cold = time.Since(begin)

	counts, err := countAll(ctx, system, s.selected())
	if err != nil {
		return nil, err
	}
	begin = time.Now()
	if err := system.Restart(ctx); err != nil {
		return nil, err
	}
	r.warm = time.Since(begin)

	m, err := newMeter(ctx, system, s)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.floor.stop() }()
	if err := r.rest(ctx, m); err != nil {
		return nil, err
	}
	w, err := newWorld(ctx, system)
	if err != nil {
		return nil, err
	}
	if r.hash, err = hashCost(ctx); err != nil {
		return nil, err
	}
	for i, o := range s.selected() {
		progress("measuring: %s", o.name)
		row := row{operation: o, count: counts[i]}
		if o.floor != "" {
			if row.floor, err = m.floorCost(ctx, o.floor); err != nil {
				return nil, err
			}
			r.floors[o.floor] = append(r.floors[o.floor], row.floor)
		}
		if row.loaded, err = m.cost(ctx, s.concurrency, s.phase, o.next(w)); err != nil {
			return nil, fmt.Errorf("%s: %w", o.name, err)
		}
		if row.alone, err = m.cost(ctx, 1, s.phase/3, o.next(w)); err != nil {
			return nil, fmt.Errorf("%s: %w", o.name, err)
		}
		r.rows = append(r.rows, row)
	}
	if s.only == "" {
		progress("measuring: current user at a fixed rate, alone and during a flood of sign-ins")
		r.rates(ctx, w)
		progress("measuring: how soon events and webhooks arrive")
		if err := r.facts(ctx, system, w); err != nil {
			return nil, err
		}
	}
	if r.busy, err = memory(system); err != nil {
		return nil, err
	}
	progress("measuring: memory after %v", rest)
	select {
	case <-time.After(rest):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r.rested, err = memory(system)
	return r, err
}

// rest is the time after which a system has given back what starting or load
// took.
const rest = 15 * time.Second

func (s settings) selected() []operation {
	return slices.DeleteFunc(slices.Clone(operations), func(o operation) bool { return !strings.Contains(o.name, s.only) })
}

// countAll counts every operation on a system that runs at debug level.
func countAll(ctx context.Context, system *stack.Stack, selected []operation) ([]count, error) {
	w, err := newWorld(ctx, system)
	if err != nil {
		return nil, err
	}
	c, err := newCounter(ctx, system)
	if err != nil {
		return nil, err
	}
	var counts []count
	for _, o := range selected {
		counted, err := c.count(ctx, o.next(w))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("count %s: %w", o.name, err), c.close(ctx))
		}
		counts = append(counts, counted)
	}
	return counts, c.close(ctx)
}

// meter reads what the system's processes have used.
type meter struct {
	settings settings
	system   *stack.Stack
	floor    *floor
}

func newMeter(ctx context.Context, system *stack.Stack, s settings) (*meter, error) {
	super, err := superuser(system)
	if err != nil {
		return nil, err
	}
	f, err := startFloor(ctx, super)
	if err != nil {
		return nil, err
	}
	return &meter{settings: s, system: system, floor: f}, f.check(ctx)
}

// serving are the processes that serve requests: gateway, services and
// Postgres.
func (m *meter) serving() []int { return slices.Collect(maps.Values(m.system.PIDs)) }

// cost runs a closed loop.
func (m *meter) cost(ctx context.Context, connections int, limit time.Duration, next func() *http.Request) (cost, error) {
	return m.spent(ctx, m.serving(), connections, limit, next)
}

// floorCost runs a shape for a moment.
func (m *meter) floorCost(ctx context.Context, s shape) (float64, error) {
	pids := append(m.floor.pids(), m.system.PIDs["postgres"])
	c, err := m.spent(ctx, pids, m.settings.concurrency, m.settings.phase/2, m.floor.requests(s))
	return c.cpu, err
}

func (m *meter) spent(ctx context.Context, pids []int, connections int, limit time.Duration, next func() *http.Request) (cost, error) {
	closed(ctx, connections, 10*connections, limit/4, next) // warms connections and caches
	before, err := process.CPU(pids...)
	if err != nil {
		return cost{}, err
	}
	c := cost{result: closed(ctx, connections, m.settings.requests, limit, next)}
	after, err := process.CPU(pids...)
	if err != nil {
		return cost{}, err
	}
	if len(c.latencies) == 0 {
		return cost{}, fmt.Errorf("no request succeeded: %w", c.failure)
	}
	c.cpu = float64(after-before) / float64(time.Millisecond) / float64(len(c.latencies))
	return c, nil
}

// rest measures the system while nobody asks it anything.
func (r *report) rest(ctx context.Context, m *meter) error {
	databases, err := database.Open(ctx, m.system.Databases)
	if err != nil {
		return err
	}
	defer databases.Close(ctx)
	if err := databases.Settle(ctx); err != nil {
		return err
	}
	select {
	case <-time.After(rest):
	case <-ctx.Done():
		return ctx.Err()
	}
	before, err := process.CPU(m.serving()...)
	if err != nil {
		return err
	}
	const quiet = 2 * time.Second
	select {
	case <-time.After(quiet):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := process.CPU(m.serving()...)
	if err != nil {
		return err
	}
	r.background = float64(after-before) / float64(quiet)
	r.idle, err = memory(m.system)
	return err
}

// rates measures reads at a fixed rate, first alone and then while everybody
// signs in.
func (r *report) rates(ctx context.Context, w *world) {
	const duration = 5 * time.Second
	read := w.get("/users/me", w.alone)
	r.steadyRate = 100
	r.steady = open(ctx, r.steadyRate, duration, read)

	r.flood.rate = 50
	flooding, stop := context.WithCancel(ctx)
	flooded := make(chan result)
	signIn := operations[slices.IndexFunc(operations, func(o operation) bool { return o.name == "sign-in with password" })]
	go func() {
		flooded <- closed(flooding, r.settings.concurrency, r.settings.requests, time.Minute, signIn.next(w))
	}()
	r.flood.reads = open(ctx, r.flood.rate, 2*duration, read)
	stop()
	r.flood.signIns = <-flooded
}

// memory is the resident memory of each process in bytes.
func memory(system *stack.Stack) (map[string]int64, error) {
	sizes := map[string]int64{}
	for name, pid := range system.PIDs {
		size, err := process.RSS(pid)
		if err != nil {
			return nil, fmt.Errorf("memory of %s: %w", name, err)
		}
		sizes[name] = size
	}
	return sizes, nil
}

// hashCost is the processor time of one password hash in milliseconds while
// every processor hashes, as during a flood of sign-ins: hashes slow each other
// down, because they are made to fill the caches.
func hashCost(ctx context.Context) (float64, error) {
	const rounds = 15
	workers := runtime.NumCPU()
	hasher := secret.NewHasher(secret.HasherConfig{Concurrency: workers})
	failed := make(chan error, workers)
	before := ownTime()
	for range workers {
		go func() {
			var err error
			for range rounds {
				if _, hashErr := hasher.Hash(ctx, password); hashErr != nil {
					err = hashErr
				}
			}
			failed <- err
		}()
	}
	for range workers {
		if err := <-failed; err != nil {
			return 0, err
		}
	}
	return float64(ownTime()-before) / float64(time.Millisecond) / float64(rounds*workers), nil
}

// ownTime is the processor time of this process so far.
func ownTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fmt.Fprintln(os.Stderr, "load: rusage:", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
