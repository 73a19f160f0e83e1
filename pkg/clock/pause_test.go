package clock_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"vestibule.dev/pkg/clock"
)

func TestPause_contextDone_returnsItsError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := clock.Pause(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := clock.Pause(t.Context(), time.Nanosecond); err != nil {
		t.Errorf("error %v", err)
	}
}
