package postgres

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// Download is where server binaries come from when the machine has none.
type Download struct {
	Dir        string // keeps the binaries between starts
	Repository string // base URL of a Maven repository; empty means the public one
}

// downloadVersion matches what the distributions of the day ship.
const downloadVersion = embedded.V17

// Fetch returns the downloaded binaries and downloads them first if they are
// not there.
func (d Download) Fetch() (Binaries, error) {
	bin := filepath.Join(d.Dir, "bin")
	if binaries, err := inspect(bin); err == nil {
		return binaries, nil
	}
	if err := os.MkdirAll(d.Dir, 0o755); err != nil {
		return Binaries{}, err
	}
	scratch, err := os.MkdirTemp("", "vestibule-postgres-")
	if err != nil {
		return Binaries{}, err
	}
	defer os.RemoveAll(scratch)

	config := embedded.DefaultConfig().
		Version(downloadVersion).
		BinariesPath(d.Dir).
		CachePath(filepath.Join(scratch, "archive")).
		RuntimePath(filepath.Join(scratch, "runtime")).
		Port(0).
		Logger(io.Discard)
	if d.Repository != "" {
		config = config.BinaryRepositoryURL(d.Repository)
	}
	// The library offers download and unpacking only as a part of starting its
	// own server. That server is of no use here: port 0 keeps it from starting,
	// and what counts is whether the binaries have arrived.
	server := embedded.NewDatabase(config)
	startErr := server.Start()
	if startErr == nil {
		if err := server.Stop(); err != nil {
			return Binaries{}, fmt.Errorf("stop the server that came with the download: %w", err)
		}
	}
	binaries, err := inspect(bin)
	if err != nil {
		return Binaries{}, fmt.Errorf("download PostgreSQL: %w", startErr)
	}
	return binaries, nil
}
