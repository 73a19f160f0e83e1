package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// install makes a directory of server programs that only tell their version.
func install(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\necho 'postgres (PostgreSQL) %s'\n", version)
	for _, name := range []string{"postgres", "initdb"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestChoose_severalVersions_takesHighestOrTheNamed(t *testing.T) {
	v9, v15, v17 := install(t, "9.6.24"), install(t, "15.18 (Debian 15.18-0+deb12u1)"), install(t, "17rc1")
	withoutInitdb := install(t, "18.1")
	if err := os.Remove(filepath.Join(withoutInitdb, "initdb")); err != nil {
		t.Fatal(err)
	}
	dirs := []string{v15, v17, v9, withoutInitdb, "/does/not/exist"}
	for major, want := range map[int]Binaries{0: {v17, 17}, 15: {v15, 15}, 9: {v9, 9}} {
		if got, err := choose(dirs, major); err != nil || got != want {
			t.Errorf("version %d: got %v (%v), want %v", major, got, err, want)
		}
	}
	if _, err := choose(dirs, 16); !errors.Is(err, ErrNoBinaries) {
		t.Errorf("got %v, want no binaries", err)
	}
}

func TestClusterVersion_table(t *testing.T) {
	dir := t.TempDir()
	if got, err := ClusterVersion(dir); got != 0 || err != nil {
		t.Errorf("empty directory: %d (%v)", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ClusterVersion(dir); got != 15 || err != nil {
		t.Errorf("got %d (%v), want 15", got, err)
	}
}

func TestQuote_otherCharacters_areRefused(t *testing.T) {
	if got, err := quote("aZ09"); got != "'aZ09'" || err != nil {
		t.Errorf("got %s (%v)", got, err)
	}
	for _, password := range []string{"it's", `back\slash`, "ü", "a b"} {
		if got, err := quote(password); err == nil {
			t.Errorf("%q became %s", password, got)
		}
	}
}
