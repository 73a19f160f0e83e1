package postgres

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The test's own program plays the server, as long as its input is open.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "postgres" {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Where nobody reaps orphans, a dead server keeps its process id.
func TestUntilGone_deadAndNotReaped_isGone(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "postgres")
	if err := os.WriteFile(path, program, 0o700); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(path)
	server.Dir = dir
	if _, err := server.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Wait() }() // killed, as it says
	if !servesFrom(server.Process.Pid, dir) {
		t.Error("it is not taken for a server")
	}
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := untilGone(t.Context(), server.Process.Pid, dir); err != nil {
		t.Error(err)
	}
}
