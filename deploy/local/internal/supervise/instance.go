package supervise

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// instance is one run of a program.
type instance struct {
	cmd     *exec.Cmd
	started time.Time
	done    chan struct{} // closed when the run has ended
	err     error         // how it ended; valid after done
}

func launch(spec Spec) (*instance, error) {
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = spec.Env
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	cmd.Dir = spec.Dir
	cmd.ExtraFiles = spec.Files
	cmd.Stdout, cmd.Stderr = spec.Output, spec.Output
	// A grandchild that inherited the pipe must not keep Wait from returning for
	// ever; the last words of a program must be heard on a busy machine too.
	cmd.WaitDelay = 10 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: spec.Credential}
	setOrphanSignal(cmd.SysProcAttr, spec.OrphanSignal)

	if err := forkFromLastingThread(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	run := &instance{cmd: cmd, started: time.Now(), done: make(chan struct{})}
	go func() {
		run.err = cmd.Wait()
		if errors.Is(run.err, exec.ErrWaitDelay) {
			run.err = nil
		}
		// What the program started itself goes with it.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		close(run.done)
	}()
	return run, nil
}

// stop asks the run to end and kills it when it does not within grace or when
// hurry is closed. It returns when the run has ended.
func (r *instance) stop(sig syscall.Signal, grace time.Duration, hurry <-chan struct{}) {
	_ = r.cmd.Process.Signal(sig)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-r.done:
		return
	case <-timer.C:
	case <-hurry:
	}
	_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
	<-r.done
}

// ending describes how the run ended, for people.
func (r *instance) ending() string {
	if r.err != nil {
		return r.err.Error()
	}
	return "exit status 0"
}

// The kernel ties the signal for orphans to the thread that forked, not to the
// process, and Go promises nothing about the life of its threads. So one thread
// forks for all and lives as long as the process.
var forks = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for fork := range work {
			fork()
		}
	}()
	return work
})

func forkFromLastingThread(cmd *exec.Cmd) error {
	result := make(chan error)
	forks() <- func() { result <- cmd.Start() }
	return <-result
}
