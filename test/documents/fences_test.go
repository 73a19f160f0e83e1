package documents

import (
	"fmt"
	"os"
	"strings"
)

// fence is a block of code in a Markdown file.
type fence struct {
	file string
	// line is that of the first line of the text, from 1.
	line           int
	language, text string
}

func (f fence) String() string { return fmt.Sprintf("%s:%d", f.file, f.line) }

// fences returns the blocks of a file in their order.
func fences(root, file string) ([]fence, error) {
	text, err := os.ReadFile(root + "/" + file)
	if err != nil {
		return nil, err
	}
	var all []fence
	var open *fence
	for i, line := range strings.Split(string(text), "\n") {
		mark, isMark := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isMark && open == nil:
			open = &fence{file: file, line: i + 2, language: mark}
		case isMark:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s: the block is not closed", open)
	}
	return all, nil
}
