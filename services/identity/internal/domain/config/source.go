package config

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Types of a [Source].
const (
	PushedFromGitHub  = "pushed-from-github"
	PushedFromUnknown = "pushed-from-unknown"
	Unlinked          = "unlinked"
)

// Source says where the branch override of a project was pushed from. The zero
// Source is unlinked.
type Source struct {
	kind   string
	github map[string]any // the fields of githubFields
}

var githubFields = []string{"owner", "repo", "branch", "commit_hash", "config_file_path"}

// ParseSource reads a source from decoded JSON. problems holds one line per
// field at fault, for a schema error.
func ParseSource(source map[string]any) (s Source, problems []string) {
	const at = "body.source"
	var in fieldReader
	kind, ok := in.enum(source, at, "type", []string{PushedFromGitHub, PushedFromUnknown, Unlinked}, true)
	if !ok {
		return Source{}, in.problems
	}
	s = Source{kind: kind}
	known := []string{"type"}
	if kind == PushedFromGitHub {
		s.github = map[string]any{}
		for _, name := range githubFields {
			if text, ok := in.text(source, at, name, textRule{required: true}); ok {
				s.github[name] = text
			}
		}
		known = append(known, githubFields...)
	}
	in.refuseUnknown(source, at, known...)
	if len(in.problems) > 0 {
		return Source{}, in.problems
	}
	return s, nil
}

// LoadSource reads a stored source; empty text is unlinked.
func LoadSource(text string) (Source, error) {
	if text == "" {
		return Source{}, nil
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return Source{}, fmt.Errorf("stored configuration source: %w", err)
	}
	s, problems := ParseSource(fields)
	if len(problems) > 0 {
		return Source{}, fmt.Errorf("stored configuration source: %s", problems[0])
	}
	return s, nil
}

// Fields returns the source as JSON object.
func (s Source) Fields() map[string]any {
	fields := map[string]any{"type": Unlinked}
	if s.kind != "" {
		fields["type"] = s.kind
	}
	for _, name := range githubFields {
		if v, ok := s.github[name]; ok {
			fields[name] = v
		}
	}
	return fields
}

// String returns the source as compact JSON, the text to store.
func (s Source) String() string {
	fields := s.Fields()
	o := obj("type", fields["type"])
	for _, name := range slices.DeleteFunc(slices.Clone(githubFields), func(name string) bool { return fields[name] == nil }) {
		o.set(name, fields[name])
	}
	return string(appendJSON(nil, o))
}
