package runner_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"vestibule.dev/pkg/runner"
)

// journal records what happened in which order.
type journal struct {
	mu      sync.Mutex
	entries []string
}

func (j *journal) add(entry string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
}

// component works until told to stop, then takes a while to finish.
func (j *journal) component(name string, finish time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		j.add(name + " told")
		time.Sleep(finish)
		j.add(name + " done")
		return nil
	}
}

func TestRun_cancelled_stopsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := runner.New(runner.Config{Grace: 3 * time.Second})
		g.AddClose(runner.Pools, "pool", func() error { j.add("pool closed"); return nil })
		g.Add(runner.Workers, "worker", j.component("worker", 2*time.Second))
		g.Add(runner.Servers, "server", j.component("server", 15*time.Second))
		if g.Ready() {
			t.Error("ready before it runs")
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() { result <- g.Run(ctx) }()
		synctest.Wait()
		if !g.Ready() {
			t.Error("not ready while it runs")
		}
		begin := time.Now()
		cancel()
		synctest.Wait()
		if g.Ready() {
			t.Error("ready while it stops")
		}
		j.mu.Lock()
		if len(j.entries) != 0 {
			t.Errorf("no grace: %v", j.entries)
		}
		j.mu.Unlock()
		if err := <-result; err != nil {
			t.Error(err)
		}
		want := []string{"server told", "server done", "worker told", "worker done", "pool closed"}
		if !slices.Equal(j.entries, want) {
			t.Errorf("%v, want %v", j.entries, want)
		}
		if took := time.Since(begin); took != 20*time.Second {
			t.Errorf("took %v of fake time, want grace + server + worker", took)
		}
	})
}

func TestRun_componentFails_stopsTheRestAtOnce(t *testing.T) {
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		run  func(context.Context) error
		want string
	}{
		"error":       {func(context.Context) error { return boom }, "broken: boom"},
		"early end":   {func(context.Context) error { return nil }, "broken ended unexpectedly"},
		"panic":       {func(context.Context) error { panic("boom") }, "broken: panic: boom"},
		"own context": {func(context.Context) error { return context.Canceled }, "broken: context canceled"},
	} {
		for _, stage := range []runner.Stage{runner.Servers, runner.Workers, runner.Pools} {
			synctest.Test(t, func(t *testing.T) {
				var j journal
				g := runner.New(runner.Config{Grace: time.Hour})
				g.Add(runner.Servers, "server", j.component("server", 0))
				g.Add(runner.Workers, "worker", j.component("worker", 0))
				g.Add(stage, "broken", c.run)
				begin := time.Now()
				err := g.Run(t.Context())
				if err == nil || !strings.HasPrefix(err.Error(), c.want) {
					t.Errorf("%s in %s: %v, want %s", name, stage, err, c.want)
				}
				if want := []string{"server told", "server done", "worker told", "worker done"}; !slices.Equal(j.entries, want) {
					t.Errorf("%s in %s: %v", name, stage, j.entries)
				}
				if time.Since(begin) != 0 {
					t.Errorf("%s in %s: waited %v", name, stage, time.Since(begin))
				}
			})
		}
	}
}

func TestRun_componentFailsDuringGrace_endsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		g := runner.New(runner.Config{Grace: time.Hour})
		g.Add(runner.Workers, "broken", func(context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Second)
			return errors.New("boom")
		})
		cancel()
		begin := time.Now()
		if err := g.Run(ctx); err == nil || err.Error() != "broken: boom" {
			t.Error(err)
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestRun_componentHangs_isAbandonedAndReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		release := make(chan struct{})
		g := runner.New(runner.Config{})
		g.Add(runner.Servers, "stuck", func(context.Context) error { <-release; return nil })
		g.Add(runner.Workers, "worker", j.component("worker", time.Second))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := g.Run(ctx)
		if err == nil || err.Error() != "1 of the servers did not stop within 22s" {
			t.Error(err)
		}
		if want := []string{"worker told", "worker done"}; !slices.Equal(j.entries, want) {
			t.Errorf("%v: the stages after a stuck one must still stop", j.entries)
		}
		close(release)
	})
}

func TestRun_failuresWhileStopping_areAllReported(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g := runner.New(runner.Config{})
	g.AddClose(runner.Servers, "a", func() error { return errors.New("first") })
	g.AddClose(runner.Pools, "b", func() error { return errors.New("second") })
	g.Add(runner.Workers, "c", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	if err := g.Run(ctx); err == nil || err.Error() != "a: first\nb: second" {
		t.Errorf("%v", err)
	}
}

func TestRun_contextValues_reachComponents(t *testing.T) {
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	g := runner.New(runner.Config{})
	g.Add(runner.Servers, "server", func(ctx context.Context) error {
		if ctx.Value(key{}) != "value" {
			t.Error("value lost")
		}
		cancel()
		<-ctx.Done()
		return nil
	})
	if err := g.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestSignalContext_signal_endsIt(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		ctx, stop := runner.SignalContext(t.Context())
		if err := syscall.Kill(syscall.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
		<-ctx.Done()
		stop()
	}
}
