package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"vestibule.dev/deploy/local/devfile"
	"vestibule.dev/deploy/local/internal/supervise"
)

// startTimeout is what a process may take until it is ready, migrations and
// a cold and busy machine included. One that ends meanwhile is noticed at once.
const startTimeout = 5 * time.Minute

// startProcesses starts the five services and the gateway side by side: none
// needs another one to become ready.
func (s *stack) startProcesses(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s.onStop(s.stopProcesses)
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range services {
		group.Go(func() error { return s.startService(ctx, name) })
	}
	group.Go(func() error {
		probe := answers(s.system.publicURL + "/health")
		return s.startProcess(ctx, gateway, probe)
	})
	return group.Wait()
}

func (s *stack) startService(ctx context.Context, name string) error {
	if err := s.runToEnd(ctx, name, "migrate", s.system.environ(name)); err != nil {
		return err
	}
	probe, done, err := serves(s.system.grpc[name])
	if err != nil {
		return err
	}
	defer done()
	return s.startProcess(ctx, name, probe)
}

func (s *stack) startProcess(ctx context.Context, name string, probe func(context.Context) error) error {
	log, err := s.log(name)
	if err != nil {
		return err
	}
	process, err := supervise.Start(ctx, supervise.Spec{
		Name:   name,
		Path:   s.program(name),
		Args:   []string{"serve"},
		Env:    s.system.environ(name),
		Output: log,
		Probe:  probe,
	}, s)
	if err != nil {
		return explain(err, log)
	}
	s.add(name, process)
	return nil
}

// stopProcesses stops the gateway first, so that no request meets a missing
// service, and then all services together.
func (s *stack) stopProcesses(hurry context.Context) error {
	// Not under the lock: a process that is restarting reports that first.
	s.mu.Lock()
	processes := maps.Clone(s.processes)
	s.mu.Unlock()
	if process := processes[gateway]; process != nil {
		process.Stop(hurry)
	}
	var stopped sync.WaitGroup
	for _, name := range services {
		if process := processes[name]; process != nil {
			stopped.Go(func() { process.Stop(hurry) })
		}
	}
	stopped.Wait()
	return nil
}

// seed makes the projects "internal" and "dev" what they should be.
func (s *stack) seed(ctx context.Context) error {
	file := filepath.Join(s.settings.DataDir, "seed.json")
	content := struct {
		Projects map[string]devfile.Project `json:"projects"`
	}{s.dev.Projects}
	if err := devfile.WriteJSON(file, content); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return s.runToEnd(ctx, "identity", "seed", s.system.seedEnviron(file))
}

// runToEnd runs a subcommand of a program that ends by itself.
func (s *stack) runToEnd(ctx context.Context, name, command string, environ []string) error {
	log, err := s.log(name)
	if err != nil {
		return err
	}
	err = supervise.Run(ctx, supervise.Spec{
		Name:   name + " " + command,
		Path:   s.program(name),
		Args:   []string{command},
		Env:    environ,
		Output: log,
	})
	if err != nil {
		return explain(err, log)
	}
	return nil
}

// log is the log file of a process.
func (s *stack) log(name string) (*logFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if log := s.logs[name]; log != nil {
		return log, nil
	}
	log, err := openLog(s.logDir(), name, s.console)
	if err != nil {
		return nil, err
	}
	s.logs[name] = log
	return log, nil
}

func (s *stack) add(name string, process *supervise.Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processes[name] = process
}

// Ended implements supervise.Observer.
func (s *stack) Ended(name, how string) {
	s.console.say(name, "ended (%s), is started again", how)
}

// Restarted implements supervise.Observer.
func (s *stack) Restarted(name string, pid int) {
	s.console.say(name, "runs again as process %d", pid)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ready {
		return
	}
	if err := s.writeDev(); err != nil {
		s.console.say("vestibule", "dev.json is out of date: %v", err)
	}
}

const explainLines = 8

// explain adds to an error what the process itself said last.
func explain(err error, log *logFile) error {
	if errors.Is(err, context.Canceled) {
		return err // stopped from outside; its log has nothing to say about it
	}
	return fmt.Errorf("%w; its last words (all of them in %s):\n%s", err, log.path, log.lastLines(explainLines))
}
