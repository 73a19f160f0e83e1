package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"vestibule.dev/pkg/loopback"
)

// AddGateway starts a second gateway before the same services, configured like
// the first one, and returns its origin. Stop it before the system.
func (s *Stack) AddGateway(ctx context.Context) (baseURL string, stop func() error, err error) {
	sibling := s.PIDs["gateway"]
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", sibling))
	if err != nil {
		return "", nil, err
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", sibling))
	if err != nil {
		return "", nil, err
	}
	addr, err := loopback.Reserve("127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	ops, err := loopback.Reserve("127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	var output bytes.Buffer
	cmd := exec.Command(program, "serve")
	for variable := range strings.SplitSeq(strings.TrimRight(string(environ), "\x00"), "\x00") {
		if !strings.HasPrefix(variable, "GATEWAY_HTTP_ADDR=") && !strings.HasPrefix(variable, "GATEWAY_OPS_ADDR=") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "GATEWAY_HTTP_ADDR="+addr.Addr(), "GATEWAY_OPS_ADDR="+ops.Addr())
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() error {
		defer addr.Release()
		defer ops.Release()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("second gateway: %w\n%s", err, output.String())
		}
		return nil
	}
	if err := awaitReady(ctx, ops.Origin()+"/readyz"); err != nil {
		return "", nil, errors.Join(err, stop())
	}
	return addr.Origin(), stop, nil
}

// awaitReady waits until a page of operators says that a process can work.
func awaitReady(ctx context.Context, page string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", page, ctx.Err())
		case <-ticker.C:
		}
	}
}
