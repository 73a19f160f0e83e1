package hxtemplate

import (
	"fmt"
	"strings"
)

// Limits of a template and of one rendering.
const (
	MaxSource     = 256 << 10 // bytes
	MaxOutput     = 1 << 20   // bytes of one part
	MaxExpansions = 10_000    // nodes visited in one part
	MaxNesting    = 20        // blocks within blocks
)

// Format is what the front matter of every source declares.
const Format = "hx-template/1"

// Kind is the type of a variable.
type Kind string

// The kinds of variables.
const (
	String  Kind = "string"
	Number  Kind = "number"
	Boolean Kind = "boolean"
	JSON    Kind = "json"
)

// Variable is one declared input of a template.
type Variable struct {
	Name     string
	Kind     Kind
	Optional bool
}

// Template is a parsed source. It is immutable and safe for concurrent use.
type Template struct {
	// Category is Transactional, Marketing or empty.
	Category string
	// Variables are in the order of their declaration.
	Variables []Variable
	// Preview holds sample values for a rendering nobody receives.
	Preview map[string]any

	subject []node // nil when the source sets none
	html    []node
	text    []node // nil when the source has no text section
}

// HasSubject reports whether the source sets a subject.
func (t *Template) HasSubject() bool { return t.subject != nil }

// Error says what is wrong with a source or with the values for it, in words
// for the author of the template.
type Error struct {
	// Line of the source, from 1; 0 when the error is about values.
	Line    int
	Message string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Message)
}

func failure(line int, format string, args ...any) *Error {
	return &Error{Line: line, Message: fmt.Sprintf(format, args...)}
}

// IsTemplate reports whether a source claims to be in this format.
func IsTemplate(source string) bool {
	first, _, _ := strings.Cut(strings.TrimLeft(source, " \t\r\n\ufeff"), "\n")
	return strings.TrimSpace(first) == fence
}

// Parse reads the source of a template.
func Parse(source string) (*Template, error) { return parse(source, false) }

// ParseTheme reads the source of a theme: a template that places the content
// of a mail with {{ children }}.
func ParseTheme(source string) (*Template, error) { return parse(source, true) }

func parse(source string, theme bool) (*Template, error) {
	if len(source) > MaxSource {
		return nil, failure(0, "the source is larger than %d bytes", MaxSource)
	}
	parts, err := split(source)
	if err != nil {
		return nil, err
	}
	t, err := readFrontMatter(parts.front)
	if err != nil {
		return nil, err
	}
	scope := newScope(t.Variables, theme)
	if subject, given := parts.front.value("subject"); given {
		if t.subject, err = parseText(subject, parts.front.line("subject"), scope); err != nil {
			return nil, err
		}
	}
	if t.html, err = parseHTML(parts.html, parts.htmlLine, scope); err != nil {
		return nil, err
	}
	if parts.hasText {
		if t.text, err = parseText(parts.text, parts.textLine, scope); err != nil {
			return nil, err
		}
	}
	if theme && !scope.placesChildren {
		return nil, failure(0, "a theme must place its content with {{ children }}")
	}
	return t, nil
}
