// Package observability proves that an operator sees what happens: one trace
// through all processes, and metrics under the names that the dashboards and
// alerts of deploy/helm/observability use.
package observability

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"vestibule.dev/test/stack"
)

var (
	system *stack.Stack
	spans  *collector
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if spans, err = startCollector(); err != nil {
		return 1, err
	}
	defer spans.stop()
	environ := []string{"OTEL_BSP_SCHEDULE_DELAY=200"}
	for _, process := range stack.Processes {
		environ = append(environ, strings.ToUpper(process)+"_OTLP_ENDPOINT=http://"+spans.address)
	}
	if system, err = stack.Start(context.Background(), environ...); err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := system.Stop(); err == nil {
			err = stopErr
		}
	}()
	return m.Run(), nil
}
