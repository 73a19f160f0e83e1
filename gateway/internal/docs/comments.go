package docs

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

//go:embed comments.json
var commentsFile []byte

// comments are the leading comments of the protos by full name, as markdown.
type comments map[protoreflect.FullName]string

func readComments() (comments, error) {
	var c comments
	if err := json.Unmarshal(commentsFile, &c); err != nil {
		return nil, fmt.Errorf("docs: comments: %w", err)
	}
	return c, nil
}

// of returns the comment of an element.
func (c comments) of(d protoreflect.Descriptor) string { return c[d.FullName()] }

// method splits the comment of a method: its first line is the summary.
func (c comments) method(md protoreflect.MethodDescriptor) (summary, description string) {
	summary, description, _ = strings.Cut(c.of(md), "\n\n")
	return summary, description
}

// reference is a pointer into the API contract, which readers of the
// documentation do not have.
var reference = regexp.MustCompile(`\s\([^()]*§[^()]*\)`)

// Comment turns the text of a comment, as the compiler gives it, into markdown:
// one line per paragraph, without directives to tools and without references
// to the sections of the API contract.
func Comment(leading string) string {
	var paragraphs []string
	var lines []string
	flush := func() {
		if len(lines) > 0 {
			paragraphs = append(paragraphs, reference.ReplaceAllString(strings.Join(lines, " "), ""))
		}
		lines = nil
	}
	for line := range strings.Lines(leading) {
		switch line = strings.TrimSpace(line); {
		case line == "":
			flush()
		case !strings.HasPrefix(line, "buf:lint:"):
			lines = append(lines, line)
		}
	}
	flush()
	return strings.Join(paragraphs, "\n\n")
}
