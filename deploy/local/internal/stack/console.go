package stack

import (
	"fmt"
	"io"
	"sync"
)

// console writes lines for people, each with the name of its source.
type console struct {
	mu  sync.Mutex
	out io.Writer
}

// say writes one line.
func (c *console) say(source, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = fmt.Fprintf(c.out, "%-13s | %s\n", source, fmt.Sprintf(format, args...))
}

// print writes a text as it is.
func (c *console) print(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.WriteString(c.out, text)
}
