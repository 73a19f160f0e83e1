package hxtemplate

import (
	"encoding/json"
	"strings"
)

const (
	fence     = "---"
	textFence = "--- text"
)

// sections are the parts of a source, each with the line it begins on.
type sections struct {
	front    frontMatter
	html     string
	htmlLine int
	text     string
	textLine int
	hasText  bool
}

// split cuts a source at its fences.
func split(source string) (sections, error) {
	source = strings.TrimPrefix(source, "\ufeff")
	lines := strings.SplitAfter(strings.ReplaceAll(source, "\r\n", "\n"), "\n")
	at := 0
	for at < len(lines) && strings.TrimSpace(lines[at]) == "" {
		at++
	}
	if at == len(lines) || strings.TrimSpace(lines[at]) != fence {
		return sections{}, failure(1, "the source is not in the format %s: it must begin with front matter between lines of ---", Format)
	}
	front := at + 1
	for at = front; at < len(lines) && strings.TrimSpace(lines[at]) != fence; at++ {
	}
	if at == len(lines) {
		return sections{}, failure(front, "the front matter is not closed by a line of ---")
	}
	s := sections{htmlLine: at + 2}
	var err error
	if s.front, err = readEntries(lines[front:at], front+1); err != nil {
		return sections{}, err
	}
	body := lines[at+1:]
	for i, line := range body {
		if strings.TrimSpace(line) == textFence {
			s.html = strings.Join(body[:i], "")
			s.text = strings.Join(body[i+1:], "")
			s.textLine, s.hasText = s.htmlLine+i+1, true
			return s, nil
		}
	}
	s.html = strings.Join(body, "")
	return s, nil
}

// entry is one line of front matter; a map has entries of its own.
type entry struct {
	key, value string
	line       int
	entries    frontMatter
}

// frontMatter is a list of "key: value" lines, nested at most once.
type frontMatter []entry

func (f frontMatter) find(key string) (entry, bool) {
	for _, e := range f {
		if e.key == key {
			return e, true
		}
	}
	return entry{}, false
}

func (f frontMatter) value(key string) (string, bool) {
	e, ok := f.find(key)
	return e.value, ok
}

func (f frontMatter) line(key string) int {
	e, _ := f.find(key)
	return e.line
}

// readEntries reads lines of which the first has the given number.
func readEntries(lines []string, number int) (frontMatter, error) {
	var front frontMatter
	for i, line := range lines {
		at := number + i
		if text := strings.TrimSpace(line); text == "" || text[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		name := strings.TrimSpace(key)
		if !ok || name == "" {
			return nil, failure(at, "expected a line of the form \"key: value\"")
		}
		e := entry{key: name, value: strings.TrimSpace(value), line: at}
		into := &front
		if key[0] == ' ' || key[0] == '\t' {
			if len(front) == 0 || front[len(front)-1].value != "" {
				return nil, failure(at, "%q is indented, but belongs to nothing", name)
			}
			into = &front[len(front)-1].entries
		}
		if _, twice := into.find(name); twice {
			return nil, failure(at, "%q is given twice", name)
		}
		*into = append(*into, e)
	}
	return front, nil
}

// readFrontMatter fills a template with everything but its parts.
func readFrontMatter(front frontMatter) (*Template, error) {
	t := &Template{Preview: map[string]any{}}
	if format, _ := front.value("format"); unquote(format) != Format {
		return nil, failure(1, "the front matter must declare \"format: %s\"", Format)
	}
	for i, e := range front {
		switch e.key {
		case "format":
		case "subject":
			front[i].value = unquote(e.value)
		case "category":
			t.Category = unquote(e.value)
			if t.Category != "Transactional" && t.Category != "Marketing" {
				return nil, failure(e.line, "the category must be Transactional or Marketing")
			}
		case "variables":
			for _, declared := range e.entries {
				v, err := readVariable(declared)
				if err != nil {
					return nil, err
				}
				t.Variables = append(t.Variables, v)
			}
		case "preview":
			for _, sample := range e.entries {
				t.Preview[sample.key] = readSample(sample.value)
			}
		default:
			return nil, failure(e.line, "the front matter does not know the key %q", e.key)
		}
	}
	return t, nil
}

func readVariable(e entry) (Variable, error) {
	kind, optional := strings.CutSuffix(unquote(e.value), "?")
	v := Variable{Name: e.key, Kind: Kind(kind), Optional: optional}
	if !isIdentifier(v.Name) {
		return v, failure(e.line, "%q is not a name for a variable", v.Name)
	}
	switch v.Kind {
	case String, Number, Boolean, JSON:
		return v, nil
	}
	return v, failure(e.line, "the type of %s must be string, number, boolean or json, with ? when it is optional", v.Name)
}

// readSample reads a preview value: JSON if it is any, else the text itself.
func readSample(text string) any {
	var value any
	if json.Unmarshal([]byte(text), &value) == nil {
		return value
	}
	return text
}

// unquote accepts a value in double quotes as well.
func unquote(text string) string {
	var value string
	if strings.HasPrefix(text, `"`) && json.Unmarshal([]byte(text), &value) == nil {
		return value
	}
	return text
}

func isIdentifier(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
