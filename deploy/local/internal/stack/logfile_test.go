package stack

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

func newLog(t *testing.T) (*logFile, *bytes.Buffer) {
	t.Helper()
	out := new(bytes.Buffer)
	log, err := openLog(t.TempDir(), "teams", &console{out: out})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.file.Close() })
	return log, out
}

func TestLogFile_lines_errorsReachTheConsole(t *testing.T) {
	for line, want := range map[string]string{
		`{"time":"…","level":"INFO","msg":"request"}`:                                "",
		`{"time":"…","level":"ERROR","msg":"relay failed","error":"no stream"}`:      "relay failed: no stream",
		`{"time":"…","level":"ERROR","msg":"relay failed"}`:                          "relay failed",
		`{"level":"ERROR" not json`:                                                  `{"level":"ERROR" not json`,
		`time=… level=ERROR msg="x"`:                                                 `time=… level=ERROR msg="x"`,
		`panic: runtime error`:                                                       "panic: runtime error",
		`2026-01-01 [1] identity@identity ERROR:  duplicate key`:                     "",
		`2026-01-01 [1] @ PANIC:  could not write to file "pg_wal/xlogtemp.1": full`: `2026-01-01 [1] @ PANIC:  could not write to file "pg_wal/xlogtemp.1": full`,
	} {
		log, out := newLog(t)
		for _, half := range []string{line[:len(line)/2], line[len(line)/2:] + "\n"} {
			fmt.Fprint(log, half)
		}
		got := strings.TrimSuffix(out.String(), "\n")
		if want != "" {
			want = "teams         | " + want
		}
		if got != want {
			t.Errorf("%s:\ngot  %q\nwant %q", line, got, want)
		}
		if content, err := os.ReadFile(log.path); err != nil || string(content) != line+"\n" {
			t.Errorf("file %q (%v)", content, err)
		}
	}
}

func TestLogFile_floodOfErrors_isCutShort(t *testing.T) {
	log, out := newLog(t)
	fmt.Fprint(log, strings.Repeat("panic: again\n", 100))
	if n := strings.Count(out.String(), "\n"); n != consolePerSpan {
		t.Errorf("%d lines on the console, want %d", n, consolePerSpan)
	}
	if !strings.Contains(out.String(), log.path) {
		t.Errorf("it does not say where the rest is:\n%s", out)
	}
}

func TestLogFile_tooLong_isRotated(t *testing.T) {
	log, _ := newLog(t)
	chunk := bytes.Repeat([]byte("x"), maxLogBytes/4-1)
	for range 6 {
		fmt.Fprintf(log, "%s\n", chunk)
	}
	for path, want := range map[string]int64{log.path + ".1": maxLogBytes, log.path: maxLogBytes / 2} {
		if info, err := os.Stat(path); err != nil || info.Size() != want {
			t.Errorf("%s: %v (%v), want %d bytes", path, info, err, want)
		}
	}
}

func TestLastLines_longOutput_isItsEnd(t *testing.T) {
	log, _ := newLog(t)
	for i := range 5000 {
		fmt.Fprintf(log, "line %d\n", i)
	}
	if got := log.lastLines(2); got != "line 4998\nline 4999" {
		t.Errorf("got %q", got)
	}
}
