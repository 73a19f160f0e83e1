package supervise_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vestibule.dev/deploy/local/internal/supervise"
)

// events records what the supervisor reports.
type events struct {
	ended     chan string
	restarted chan int
}

func newEvents() *events {
	return &events{ended: make(chan string, 100), restarted: make(chan int, 100)}
}

func (e *events) Ended(_, how string)         { e.ended <- how }
func (e *events) Restarted(_ string, pid int) { e.restarted <- pid }

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func shell(script string) supervise.Spec {
	return supervise.Spec{Name: "program", Path: "/bin/sh", Args: []string{"-c", script}, Env: os.Environ()}
}

func TestStart_killedProcess_runsAgain(t *testing.T) {
	seen := newEvents()
	process, err := supervise.Start(t.Context(), shell("exec sleep 1000"), seen)
	if err != nil {
		t.Fatal(err)
	}
	defer process.Stop(t.Context())

	for range 3 {
		before := process.PID()
		if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if how := <-seen.ended; how != "signal: killed" {
			t.Errorf("ended with %q", how)
		}
		after := <-seen.restarted
		if after == before || after != process.PID() {
			t.Errorf("restarted as %d, was %d, PID says %d", after, before, process.PID())
		}
	}
}

func TestStart_programThatEndsAtOnce_isNotRestarted(t *testing.T) {
	spec := shell("echo no configuration; exit 3")
	out := new(buffer)
	spec.Output = out
	spec.Probe = func(context.Context) error { return errors.New("not yet") }
	_, err := supervise.Start(t.Context(), spec, newEvents())
	if err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v, want the exit status", err)
	}
	if got := out.String(); got != "no configuration\n" {
		t.Errorf("output %q", got)
	}
}

func TestStart_waitsForProbe(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "ready")
	spec := shell("touch " + marker + "; exec sleep 1000")
	spec.Probe = func(context.Context) error {
		_, err := os.Stat(marker)
		return err
	}
	process, err := supervise.Start(t.Context(), spec, newEvents())
	if err != nil {
		t.Fatal(err)
	}
	defer process.Stop(t.Context())
	if _, err := os.Stat(marker); err != nil {
		t.Error("returned before the probe could succeed")
	}
}

func TestStart_cancelledWhileStarting_leavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	spec := shell("echo $$; exec sleep 1000")
	out := new(buffer)
	spec.Output = out
	spec.Probe = func(context.Context) error {
		if out.String() != "" {
			cancel()
		}
		return errors.New("never")
	}
	if _, err := supervise.Start(ctx, spec, newEvents()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context canceled", err)
	}
	if processExists(t, strings.TrimSpace(out.String())) {
		t.Error("the program still runs")
	}
}

func TestStop_programThatListens_endsItself(t *testing.T) {
	out := new(buffer)
	spec := shell(`trap 'echo bye; exit 0' TERM; echo on; while :; do sleep 0.01; done`)
	spec.Output = out
	spec.Probe = func(context.Context) error {
		if out.String() == "" {
			return errors.New("not yet")
		}
		return nil
	}
	seen := newEvents()
	process, err := supervise.Start(t.Context(), spec, seen)
	if err != nil {
		t.Fatal(err)
	}
	process.Stop(t.Context())
	process.Stop(t.Context()) // a second time is harmless
	if got := out.String(); got != "on\nbye\n" {
		t.Errorf("output %q", got)
	}
	if len(seen.ended) != 0 {
		t.Error("an end that was asked for was reported as unexpected")
	}
}

func TestStop_hurry_killsWholeGroup(t *testing.T) {
	out := new(buffer)
	spec := shell(`trap '' TERM; sleep 1000 & echo $!; while :; do sleep 0.01; done`)
	spec.Output = out
	spec.Probe = func(context.Context) error {
		if !strings.HasSuffix(out.String(), "\n") {
			return errors.New("not yet")
		}
		return nil
	}
	process, err := supervise.Start(t.Context(), spec, newEvents())
	if err != nil {
		t.Fatal(err)
	}
	hurry, cancel := context.WithCancel(t.Context())
	cancel()
	process.Stop(hurry)
	// It is nobody's child any more: it was killed, and ends in its own time.
	pid := strings.TrimSpace(out.String())
	patience := time.After(time.Minute)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for processExists(t, pid) {
		select {
		case <-ticker.C:
		case <-patience:
			t.Fatalf("grandchild %s still runs", pid)
		}
	}
}

func TestRun_failingProgram_givesStatus(t *testing.T) {
	if err := supervise.Run(t.Context(), shell("exit 0")); err != nil {
		t.Error(err)
	}
	if err := supervise.Run(t.Context(), shell("exit 4")); err == nil || !strings.Contains(err.Error(), "exit status 4") {
		t.Errorf("got %v, want exit status 4", err)
	}
	if err := supervise.Run(t.Context(), supervise.Spec{Name: "program", Path: "/does/not/exist"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want not exist", err)
	}
}

// processExists looks at the process table; a process that only waits to be
// reaped counts as gone.
func processExists(t *testing.T, text string) bool {
	t.Helper()
	pid, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", text, "stat"))
	if err != nil {
		return runtime.GOOS != "linux"
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}
