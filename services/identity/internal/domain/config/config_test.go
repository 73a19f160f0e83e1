package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain/config"
)

var update = flag.Bool("update", false, "rewrite golden files")

// parse reads an override that must be valid.
func parse(t testing.TB, level config.Level, text string) config.Document {
	t.Helper()
	d, err := config.ParseDocument(level, text)
	if err != nil {
		t.Fatalf("ParseDocument(%s, %s): %v", level, text, err)
	}
	return d
}

// render renders an environment override alone.
func render(t testing.TB, environment string) config.Rendered {
	t.Helper()
	return config.Render(config.Document{}, config.Document{}, parse(t, config.Environment, environment), config.StandardBuiltIns())
}

// at reads a path of the rendered JSON as compact JSON; "" if it is absent.
func at(t testing.TB, r config.Rendered, path ...string) string {
	t.Helper()
	raw := json.RawMessage(r.JSON())
	for _, key := range path {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			t.Fatalf("%v in %s: %v", path, raw, err)
		}
		raw = fields[key]
	}
	return string(raw)
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run the test with -update and read the diff.\ngot:\n%s", path, got)
	}
}

func indented(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// wantRefused checks for the plain-text 400 of an invalid configuration.
func wantRefused(t *testing.T, err error) string {
	t.Helper()
	e, ok := errors.AsType[*apierr.Error](err)
	if !ok || e.HTTP != http.StatusBadRequest || e.Format != apierr.FormatText {
		t.Fatalf("error = %v, want a plain-text 400", err)
	}
	return e.Message
}
