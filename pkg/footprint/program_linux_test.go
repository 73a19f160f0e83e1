package footprint

import (
	"os"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// clean is how much of the process's memory is pages of files, in KiB.
func clean(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`RssFile:\s+(\d+) kB`).FindSubmatch(text)
	if match == nil {
		t.Skip("the kernel does not tell")
	}
	n, err := strconv.Atoi(string(match[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDropProgram_running_goesOnWithLess(t *testing.T) {
	// Something that reads code and constants all over the program.
	work := func() {
		for _, pattern := range []string{`(a|b)+c`, `\pL{2,5}`, `^[0-9]+$`} {
			if !regexp.MustCompile(pattern).MatchString("abc 12") && pattern == `(a|b)+c` {
				t.Error("does not work")
			}
		}
		_ = time.Now().In(time.FixedZone("x", 3600)).Format(time.RFC1123Z)
	}
	work()
	before := clean(t)
	for range 100 {
		if err := dropProgram(); err != nil {
			t.Fatal(err)
		}
		work()
		runtime.GC()
	}
	if err := dropProgram(); err != nil {
		t.Fatal(err)
	}
	if after := clean(t); after >= before {
		t.Errorf("%d KiB of files before and %d after", before, after)
	}
	mappings, err := cleanMappings()
	if err != nil || len(mappings) == 0 {
		t.Errorf("%v, %v", mappings, err)
	}
}
