package stack

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	maxLogBytes    = 32 << 20 // then the file becomes <name>.log.1
	keptTail       = 4 << 10
	consolePerSpan = 5 // lines of one process on the console
	consoleSpan    = time.Second
)

// logFile takes what one process prints: all of it goes to a file, errors go
// to the console too.
type logFile struct {
	name    string
	path    string
	console *console

	mu      sync.Mutex
	file    *os.File
	size    int64
	partial []byte // of a line that has not ended yet
	tail    []byte // the last output, to explain a failed start

	spanBegan time.Time
	inSpan    int
}

func openLog(dir, name string, console *console) (*logFile, error) {
	l := &logFile{name: name, path: filepath.Join(dir, name+".log"), console: console}
	return l, l.open()
}

func (l *logFile) open() error {
	file, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	l.file, l.size = file, info.Size()
	return nil
}

// Write never fails: a full disk must not stop the process that logs.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size+int64(len(p)) > maxLogBytes {
		l.rotate()
	}
	n, _ := l.file.Write(p)
	l.size += int64(n)

	l.tail = append(l.tail, p...)
	if len(l.tail) > 2*keptTail {
		l.tail = append(l.tail[:0], l.tail[len(l.tail)-keptTail:]...)
	}
	l.scan(p)
	return len(p), nil
}

func (l *logFile) rotate() {
	old := l.file
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		return // the file grows on
	}
	if err := l.open(); err != nil {
		return
	}
	_ = old.Close()
}

// scan looks at the lines that p completes.
func (l *logFile) scan(p []byte) {
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.partial = append(l.partial, p...)
			if len(l.partial) > keptTail {
				l.partial = l.partial[:keptTail]
			}
			return
		}
		line := p[:i]
		if len(l.partial) > 0 {
			line = append(l.partial, line...)
			l.partial = l.partial[:0]
		}
		p = p[i+1:]
		if text, ok := notable(line); ok {
			l.show(text)
		}
	}
}

// show puts a line on the console unless there are too many.
func (l *logFile) show(text string) {
	now := time.Now()
	if now.Sub(l.spanBegan) > consoleSpan {
		l.spanBegan, l.inSpan = now, 0
	}
	l.inSpan++
	switch {
	case l.inSpan < consolePerSpan:
		l.console.say(l.name, "%s", text)
	case l.inSpan == consolePerSpan:
		l.console.say(l.name, "%s (more in %s)", text, l.path)
	}
}

// lastLines is the end of the output, at most n lines of this start.
func (l *logFile) lastLines(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(strings.TrimRight(string(l.tail), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// notable picks the lines that a developer wants to see at once, and says them
// short: errors of structured logs, and crashes.
func notable(line []byte) (string, bool) {
	switch {
	case bytes.Contains(line, []byte(`"level":"ERROR"`)):
		var record struct {
			Message string `json:"msg"`
			Error   string `json:"error"`
			Err     string `json:"err"`
		}
		if json.Unmarshal(line, &record) != nil || record.Message == "" {
			return string(line), true
		}
		if cause := cmp.Or(record.Error, record.Err); cause != "" {
			return record.Message + ": " + cause, true
		}
		return record.Message, true
	case bytes.Contains(line, []byte("level=ERROR")),
		bytes.HasPrefix(line, []byte("panic: ")),
		bytes.HasPrefix(line, []byte("fatal error: ")),
		bytes.Contains(line, []byte(" PANIC:  ")): // Postgres
		return string(line), true
	}
	return "", false
}
