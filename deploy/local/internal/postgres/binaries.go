package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// Binaries is one installation of the server.
type Binaries struct {
	Dir   string // holds initdb and postgres
	Major int    // 15
}

// ErrNoBinaries says that the machine has no usable server binaries.
var ErrNoBinaries = errors.New("no PostgreSQL server binaries found")

// usualDirs is where packages put the server binaries, which distributions
// often keep off PATH.
var usualDirs = []string{
	"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
	"/usr/lib/postgresql*/bin",          // Gentoo, SUSE
	"/usr/libexec/postgresql*",          // Alpine
	"/usr/pgsql-*/bin",                  // Fedora and RHEL from postgresql.org
	"/usr/local/pgsql/bin",              // built from source
	"/opt/homebrew/opt/postgresql*/bin", // macOS on ARM
	"/usr/local/opt/postgresql*/bin",    // macOS on Intel
	"/opt/local/lib/postgresql*/bin",    // MacPorts
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// FindBinaries looks on PATH and in the usual directories. With major 0 it
// prefers the highest version, otherwise only that version will do: a cluster
// can be read by the major version that made it and by no other.
func FindBinaries(major int) (Binaries, error) {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		// A link on PATH leads to the directory that has initdb as well.
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	for _, pattern := range usualDirs {
		found, _ := filepath.Glob(pattern) // fails on malformed patterns alone
		dirs = append(dirs, found...)
	}
	return choose(dirs, major)
}

func choose(dirs []string, major int) (Binaries, error) {
	var found []Binaries
	for _, dir := range dirs {
		binaries, err := inspect(dir)
		if err != nil {
			continue // without initdb, or not for this machine
		}
		if major == 0 || binaries.Major == major {
			found = append(found, binaries)
		}
	}
	if len(found) == 0 {
		return Binaries{}, ErrNoBinaries
	}
	return slices.MaxFunc(found, func(a, b Binaries) int { return a.Major - b.Major }), nil
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

func inspect(dir string) (Binaries, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return Binaries{}, err
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return Binaries{}, err
	}
	match := versionPattern.FindSubmatch(out)
	if match == nil {
		return Binaries{}, fmt.Errorf("%s: unknown version %q", dir, out)
	}
	major, err := strconv.Atoi(string(match[1]))
	return Binaries{Dir: dir, Major: major}, err
}

// ClusterVersion is the major version that made the cluster in dir, 0 if there
// is none.
func ClusterVersion(dir string) (int, error) {
	content, err := os.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var major int
	if _, err := fmt.Sscan(string(content), &major); err != nil {
		return 0, fmt.Errorf("%s: %w", filepath.Join(dir, "PG_VERSION"), err)
	}
	return major, nil
}
