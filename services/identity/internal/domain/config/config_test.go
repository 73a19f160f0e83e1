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

func TestParseDocument_issuers_areURLsOfOpenIDProviders(t *testing.T) {
	for issuer, ok := range map[string]bool{
		"https://id.example.com":           true,
		"https://id.example.com/realms/a/": true,
		"https://id.example.com:8443":      true,
		"http://localhost:9000":            true,
		"http://127.0.0.1:9000/issuer":     true,
		"http://[::1]:9000":                true,
		"http://id.example.com":            false,
		"http://localhost.evil.example":    false,
		"http://10.0.0.1":                  false,
		"https://id.example.com?x=1":       false,
		"https://id.example.com#x":         false,
		"https://user@id.example.com":      false,
		"https://":                         false,
		"https:id.example.com":             false,
		"javascript:alert(1)":              false,
		"file:///etc/passwd":               false,
		"id.example.com":                   false,
		"":                                 false,
	} {
		text, err := json.Marshal(map[string]any{"auth.oauth.providers.acme": map[string]any{"type": "custom_oidc", "issuerUrl": issuer}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = config.ParseDocument(config.Environment, string(text))
		if ok && err != nil {
			t.Errorf("%q is refused: %v", issuer, err)
		}
		if !ok && !bytes.Contains([]byte(wantRefused(t, err)), []byte("issuerUrl")) {
			t.Errorf("%q: %v", issuer, err)
		}
	}
	// Where secrets go is not decided by what is pushed from code.
	if _, err := config.ParseDocument(config.Branch, `{"auth.oauth.providers.acme":{"type":"custom_oidc","issuerUrl":"https://id.example.com"}}`); err == nil {
		t.Error("a branch names an issuer")
	}
}

func TestLegacyClient_customProviders_areKnownByTheirKeys(t *testing.T) {
	r := render(t, `{"auth.oauth.providers.b":{"type":"custom_oidc","allowSignIn":true},"auth.oauth.providers.a":{"type":"custom_oidc","allowSignIn":true},"auth.oauth.providers.x":{"type":"google","allowSignIn":true}}`)
	text, err := json.Marshal(r.LegacyClient().EnabledOAuthProviders)
	if err != nil || string(text) != `[{"id":"a"},{"id":"b"},{"id":"google"}]` {
		t.Errorf("%s, %v", text, err)
	}
}
