package postgres

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// servesFrom tells whether process pid is a server that works in dir. A server
// changes into its data directory; where that cannot be looked up, a process
// of that id is not believed to be one.
func servesFrom(pid int, dir string) bool {
	if runtime.GOOS != "linux" {
		return false
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil || strings.TrimSpace(string(command)) != "postgres" {
		return false
	}
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	real, err = filepath.Abs(real)
	return err == nil && cwd == real
}

// untilGone waits until a server that is not our child has left its directory.
// Its process id may outlive it: nobody reaps orphans where the first process of
// a container is no init.
func untilGone(ctx context.Context, pid int, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for servesFrom(pid, dir) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("the former database server (pid %d) does not end: %w", pid, ctx.Err())
		}
	}
	return nil
}
