package footprint

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// mapping is a part of the address space.
type mapping struct{ from, to uintptr }

// dropProgram unmaps the pages of the program's code and constants. Mappings of
// which the process has changed a page are left alone, whatever they are.
func dropProgram() error {
	mappings, err := cleanMappings()
	if err != nil {
		return err
	}
	for _, m := range mappings {
		if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("footprint: madvise: %w", errno)
		}
	}
	return nil
}

// cleanMappings are those of the running program's file that nobody can write
// to, or has written to before that was forbidden (proc_pid_smaps(5)).
func cleanMappings() ([]mapping, error) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var found []mapping
	var current *mapping
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := lines.Text()
		if fields := strings.Fields(line); !strings.HasSuffix(fields[0], ":") {
			current = nil
			var m mapping
			var access string
			if _, err := fmt.Sscanf(line, "%x-%x %s", &m.from, &m.to, &access); err != nil {
				return nil, fmt.Errorf("footprint: %q: %w", line, err)
			}
			if strings.HasSuffix(line, " "+program) && strings.HasPrefix(access, "r") && access[1] == '-' {
				current = &m
			}
			continue
		}
		// The last word on whether a page differs from the file.
		if rest, ok := strings.CutPrefix(line, "Anonymous:"); ok && current != nil {
			if strings.TrimSpace(rest) == "0 kB" {
				found = append(found, *current)
			}
			current = nil
		}
	}
	return found, lines.Err()
}
