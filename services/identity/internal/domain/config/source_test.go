package config_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"vestibule.dev/services/identity/internal/domain/config"
)

func TestParseSource_validSource_isEchoed(t *testing.T) {
	for _, text := range []string{
		`{"type":"unlinked"}`,
		`{"type":"pushed-from-unknown"}`,
		`{"type":"pushed-from-github","owner":"","repo":"` + strings.Repeat("é😀", 5000) + `","branch":"a/b","commit_hash":"c","config_file_path":"\u0000"}`,
	} {
		var fields map[string]any
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			t.Fatal(err)
		}
		s, problems := config.ParseSource(fields)
		if len(problems) > 0 || s.String() != text {
			t.Errorf("got %s, problems %q", s, problems)
		}
		loaded, err := config.LoadSource(s.String())
		if err != nil || loaded.String() != text {
			t.Errorf("loaded %s, error %v", loaded, err)
		}
		if got := loaded.Fields(); len(got) != len(fields) || got["repo"] != fields["repo"] {
			t.Errorf("fields = %v", got)
		}
	}
}

func TestParseSource_invalidSource_namesTheFields(t *testing.T) {
	for text, want := range map[string][]string{
		`{}`:               {"body.source.type is required"},
		`null`:             {"body.source.type is required"},
		`{"type":null}`:    {"body.source.type must not be null"},
		`{"type":"other"}`: {"body.source.type must be one of pushed-from-github, pushed-from-unknown, unlinked"},
		`{"type":"unlinked","owner":"x"}`: {
			`body.source contains unknown properties: "owner"`,
		},
		`{"type":"pushed-from-github","owner":"o","repo":{},"branch":null,"commit_hash":"c","path":"p"}`: {
			"body.source.repo must be a string",
			"body.source.branch must not be null",
			"body.source.config_file_path is required",
			`body.source contains unknown properties: "path"`,
		},
	} {
		var fields map[string]any
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			t.Fatal(err)
		}
		if _, problems := config.ParseSource(fields); !slices.Equal(problems, want) {
			t.Errorf("%s: problems = %q", text, problems)
		}
	}
}

func TestSource_zero_isUnlinked(t *testing.T) {
	loaded, err := config.LoadSource("")
	if err != nil || loaded.String() != `{"type":"unlinked"}` || loaded.Fields()["type"] != config.Unlinked {
		t.Errorf("loaded %s, error %v", loaded, err)
	}
}

func TestLoadSource_damagedText_isAnError(t *testing.T) {
	for _, text := range []string{`{`, `[]`, `{"type":"x"}`} {
		if _, err := config.LoadSource(text); err == nil {
			t.Errorf("%s accepted", text)
		}
	}
}
