package postgres

import (
	"fmt"
	"os"
	"runtime"
)

// handover collects the files that a child gets as open descriptors.
//
// The data directory often lies below one that the user of the server may not
// enter (/root, a temporary directory of mode 0700), and opening up those
// parents is not ours to do. Root can reach the directory, so it opens it and
// the child names it through its own descriptor: that path leads straight to
// the directory, past the parents.
type handover struct {
	files []*os.File
}

// firstFD is the number of the first inherited descriptor, see exec.Cmd.
const firstFD = 3

// path opens name and returns the path under which the child finds it.
func (h *handover) path(name string) (string, error) {
	if runtime.GOOS != "linux" {
		return name, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	h.files = append(h.files, file)
	return fmt.Sprintf("/proc/self/fd/%d", firstFD+len(h.files)-1), nil
}

func (h *handover) close() {
	for _, file := range h.files {
		_ = file.Close() // opened for reading
	}
}
