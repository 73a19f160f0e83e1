package footprint

import "testing"

func TestWatch_workThatEnds_isNoticedOnce(t *testing.T) {
	w := watch{busy: true}
	total := uint64(0)
	for i, step := range []struct {
		allocated uint64
		want      bool
	}{
		{100 << 20, true}, // starting
		{1 << 20, false},
		{quiet, false},
		{quiet + 1, false}, // working
		{1 << 30, false},
		{1 << 20, true},
		{0, false},
		{1 << 30, false},
		{0, true},
	} {
		total += step.allocated
		if got := w.ended(total); got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
}

func TestAllocated_work_isCounted(t *testing.T) {
	before := allocated()
	kept := make([]byte, 10<<20)
	if after := allocated(); after-before < uint64(len(kept)) {
		t.Errorf("%d bytes more", after-before)
	}
}
