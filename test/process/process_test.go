package process

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestParse_oddName_isNoField(t *testing.T) {
	pid, s, err := parse([]byte("42 (a) b (c) S 7 1 1 0 -1 0 0 0 0 0 11 22 33 44 20 0 1 0 5 6 7\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := stat{parent: 7, own: 330 * time.Millisecond, reaped: 770 * time.Millisecond}
	if pid != 42 || s != want {
		t.Errorf("parse = %d, %+v; want 42, %+v", pid, s, want)
	}
}

func TestCPU_endedChild_counts(t *testing.T) {
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done").Run(); err != nil {
		t.Fatal(err)
	}
	after, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after <= before {
		t.Errorf("%v before and %v after a child has counted to 200000", before, after)
	}
}

func TestRSS_thisProcess_isSomething(t *testing.T) {
	if size, err := RSS(os.Getpid()); err != nil || size < 1<<20 {
		t.Errorf("RSS = %d, %v", size, err)
	}
}
