package supervise

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	probeInterval = 20 * time.Millisecond
	// steadyAfter is how long a run must last to count as a good one: the next
	// end is then answered with a restart at once.
	steadyAfter = 10 * time.Second
	maxPause    = 5 * time.Second
)

// Process is a program that is kept running until Stop.
type Process struct {
	spec     Spec
	observer Observer
	pid      atomic.Int64

	stopOnce  sync.Once
	hurryOnce sync.Once
	stop      chan struct{} // closed: end
	hurry     chan struct{} // closed: end now
	finished  chan struct{} // closed: has ended for good
}

// Observer is told about the life of a process. Its methods are called from
// the goroutine that supervises the process and must return soon.
type Observer interface {
	// Ended reports that the program ended although nobody asked it to.
	Ended(name, how string)
	// Restarted reports that it runs again, under a new process id.
	Restarted(name string, pid int)
}

// Start runs the program and returns when its probe succeeds. A program that
// ends before that is not restarted: the error says how it ended.
func Start(ctx context.Context, spec Spec, observer Observer) (*Process, error) {
	spec = spec.withDefaults()
	run, err := launch(spec)
	if err != nil {
		return nil, err
	}
	if err := awaitReady(ctx, spec, run); err != nil {
		run.stop(spec.StopSignal, spec.Grace, nil)
		return nil, err
	}
	p := &Process{
		spec:     spec,
		observer: observer,
		stop:     make(chan struct{}),
		hurry:    make(chan struct{}),
		finished: make(chan struct{}),
	}
	p.pid.Store(int64(run.cmd.Process.Pid))
	go p.keepRunning(run)
	return p, nil
}

// Run runs a program to its end. An end of ctx stops it.
func Run(ctx context.Context, spec Spec) error {
	spec = spec.withDefaults()
	run, err := launch(spec)
	if err != nil {
		return err
	}
	select {
	case <-run.done:
	case <-ctx.Done():
		run.stop(spec.StopSignal, spec.Grace, nil)
		return ctx.Err()
	}
	if run.err != nil {
		return fmt.Errorf("%s: %w", spec.Name, run.err)
	}
	return nil
}

// PID is the id of the current run; of the last one between two runs.
func (p *Process) PID() int { return int(p.pid.Load()) }

// Stop ends the program for good and waits until it has ended. It is asked to
// end first and killed when its grace is over or ctx ends.
func (p *Process) Stop(ctx context.Context) {
	p.stopOnce.Do(func() { close(p.stop) })
	select {
	case <-p.finished:
		return
	case <-ctx.Done():
	}
	p.hurryOnce.Do(func() { close(p.hurry) })
	<-p.finished
}

func (p *Process) keepRunning(run *instance) {
	defer close(p.finished)
	failures := 0
	for {
		select {
		case <-p.stop:
			run.stop(p.spec.StopSignal, p.spec.Grace, p.hurry)
			return
		case <-run.done:
		}
		if time.Since(run.started) > steadyAfter {
			failures = 0
		}
		p.observer.Ended(p.spec.Name, run.ending())
		run = p.relaunch(&failures)
		if run == nil {
			return
		}
		p.pid.Store(int64(run.cmd.Process.Pid))
		p.observer.Restarted(p.spec.Name, run.cmd.Process.Pid)
	}
}

// relaunch starts the program again after the pause that its failures in a
// row call for; nil means that Stop came first.
func (p *Process) relaunch(failures *int) *instance {
	for {
		timer := time.NewTimer(pause(*failures))
		select {
		case <-p.stop:
			timer.Stop()
			return nil
		case <-timer.C:
		}
		*failures++
		run, err := launch(p.spec)
		if err == nil {
			return run
		}
		p.observer.Ended(p.spec.Name, err.Error())
	}
}

// pause grows from nothing over 100 ms, 200 ms, 400 ms … to maxPause.
func pause(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	return min(100*time.Millisecond<<min(failures-1, 10), maxPause)
}

func awaitReady(ctx context.Context, spec Spec, run *instance) error {
	if spec.Probe == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // an ended program ends a probe that hangs
		select {
		case <-run.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	ticker := time.NewTicker(probeInterval)
	defer ticker.Stop()
	for {
		err := spec.Probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-run.done:
			return fmt.Errorf("%s ended before it was ready: %s", spec.Name, run.ending())
		case <-ctx.Done():
			select {
			case <-run.done:
				return fmt.Errorf("%s ended before it was ready: %s", spec.Name, run.ending())
			default:
				return fmt.Errorf("%s did not become ready (%w): %w", spec.Name, ctx.Err(), err)
			}
		case <-ticker.C:
		}
	}
}
