// Package process promises what a process and its children cost: processor
// time and resident memory, as the Linux kernel counts them.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc; Linux reports hundredths of a second to
// programs whatever it counts in itself.
const tick = 10 * time.Millisecond

type stat struct {
	parent int
	// own is the time of the process, reaped that of the children it has
	// waited for.
	own, reaped time.Duration
}

// CPU is the time that the processes and all their descendants have used so
// far. Children that have ended count too, because Postgres serves every
// connection with one.
func CPU(pids ...int) (time.Duration, error) {
	all, err := processes()
	if err != nil {
		return 0, err
	}
	var total time.Duration
	for _, pid := range tree(all, pids) {
		total += all[pid].own + all[pid].reaped
	}
	return total, nil
}

// RSS is the memory in bytes that the processes and their descendants hold.
// Memory that several of them share, such as Postgres's buffers, is divided
// among those who share it.
func RSS(pids ...int) (int64, error) {
	all, err := processes()
	if err != nil {
		return 0, err
	}
	var total int64
	for _, pid := range tree(all, pids) {
		size, err := proportional(pid)
		if errors.Is(err, os.ErrNotExist) {
			continue // ended meanwhile
		}
		if err != nil {
			return 0, err
		}
		total += size
	}
	return total, nil
}

// tree is the given processes and everything below them, each once.
func tree(all map[int]stat, pids []int) []int {
	found := slices.Clone(pids)
	for i := 0; i < len(found); i++ {
		for pid, s := range all {
			if s.parent == found[i] && !slices.Contains(found, pid) {
				found = append(found, pid)
			}
		}
	}
	return found
}

func processes() (map[int]stat, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	all := make(map[int]stat, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // ended meanwhile
		}
		pid, s, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all[pid] = s
	}
	return all, nil
}

// parse reads proc_pid_stat(5). The name stands in parentheses and may hold
// anything, so fields are counted from the last one.
func parse(text []byte) (pid int, s stat, err error) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return 0, stat{}, errors.New("no name")
	}
	if pid, err = strconv.Atoi(strings.TrimSpace(string(text[:open]))); err != nil {
		return 0, stat{}, err
	}
	fields := strings.Fields(string(text[end+1:]))
	const parent, utime, stime, cutime, cstime = 1, 11, 12, 13, 14
	if len(fields) <= cstime {
		return 0, stat{}, errors.New("too few fields")
	}
	var numbers [cstime + 1]int64
	for _, i := range []int{parent, utime, stime, cutime, cstime} {
		if numbers[i], err = strconv.ParseInt(fields[i], 10, 64); err != nil {
			return 0, stat{}, err
		}
	}
	return pid, stat{
		parent: int(numbers[parent]),
		own:    time.Duration(numbers[utime]+numbers[stime]) * tick,
		reaped: time.Duration(numbers[cutime]+numbers[cstime]) * tick,
	}, nil
}

// proportional is the Pss of a process in bytes, its Rss where the kernel does
// not tell.
func proportional(pid int) (int64, error) {
	for _, source := range []struct{ file, field string }{{"smaps_rollup", "Pss:"}, {"status", "VmRSS:"}} {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), source.file))
		if err != nil {
			if source.file == "status" {
				return 0, err
			}
			continue
		}
		for line := range strings.Lines(string(text)) {
			rest, ok := strings.CutPrefix(line, source.field)
			if !ok {
				continue
			}
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, nil // a zombie has no memory
}
