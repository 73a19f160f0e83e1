package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lock is held on the data directory while a stack runs in it. The kernel
// lets it go when the process ends, however it ends.
type lock struct {
	file *os.File
}

// acquire takes the lock or says who has it.
func acquire(dataDir string) (*lock, error) {
	file, err := os.OpenFile(filepath.Join(dataDir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		holder, _ := os.ReadFile(file.Name()) // for the message alone
		_ = file.Close()
		return nil, fmt.Errorf("vestibule already runs in %s (%s): stop it with Ctrl-C where it was started, "+
			"or set VESTIBULE_DATA_DIR and VESTIBULE_HTTP_ADDR to run another one beside it",
			dataDir, strings.TrimSpace(string(holder)))
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock %s: %w", file.Name(), err)
	}
	l := &lock{file: file}
	return l, l.describe("starting")
}

// describe tells others who has the lock.
func (l *lock) describe(where string) error {
	text := fmt.Sprintf("process %d, %s\n", os.Getpid(), where)
	_, err := l.file.WriteAt([]byte(text), 0)
	return errors.Join(err, l.file.Truncate(int64(len(text))))
}

// release lets others have the directory. The file stays: removing it could
// take it away from somebody who has just locked it.
func (l *lock) release() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}
