package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vestibule.dev/pkg/secret"
)

// holder is a configuration struct as services have it.
type holder struct {
	Password secret.Secret
	Pointer  *secret.Secret
	List     []secret.Secret
	Map      map[string]secret.Secret
}

func newHolder(s secret.Secret) holder {
	return holder{Password: s, Pointer: &s, List: []secret.Secret{s}, Map: map[string]secret.Secret{"k": s}}
}

func TestSecret_anyOutput_hidesValue(t *testing.T) {
	const plain = "correct-horse"
	h := newHolder(plain)
	outputs := map[string]string{"String": h.Password.String(), "GoString": h.Password.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10s", "%T %v", "%!"} {
		outputs[verb] = fmt.Sprintf(verb, h.Password)
		outputs["struct "+verb] = fmt.Sprintf(verb, h)
	}
	outputs["print"] = fmt.Sprint(h.Password, h)
	j, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	outputs["json"] = string(j)
	var buf bytes.Buffer
	slog.New(slog.NewJSONHandler(&buf, nil)).Info("x", "s", h.Password, "h", h)
	slog.New(slog.NewTextHandler(&buf, nil)).Info("x", "s", h.Password, "h", h)
	outputs["slog"] = buf.String()
	hex := fmt.Sprintf("%x", plain)
	for name, out := range outputs {
		if strings.Contains(out, plain) || strings.Contains(strings.ToLower(out), hex) {
			t.Errorf("%s shows the value: %s", name, out)
		}
	}
	if !strings.Contains(outputs["json"], `"Password":"***"`) {
		t.Errorf("JSON is %s", outputs["json"])
	}
}

func TestSecret_generated_hidesValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := secret.Secret(rapid.StringN(4, 40, -1).Draw(t, "s"))
		verb := rapid.SampledFrom([]string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%5.2v"}).Draw(t, "verb")
		if got := fmt.Sprintf(verb, s); got != "***" {
			t.Fatalf("%s prints %q", verb, got)
		}
	})
}

func TestSecret_textAndJSON_areRead(t *testing.T) {
	var s secret.Secret
	if err := s.UnmarshalText([]byte("from-env")); err != nil || s.Reveal() != "from-env" {
		t.Errorf("got %q, %v", s.Reveal(), err)
	}
	var h holder
	if err := json.Unmarshal([]byte(`{"Password":"from-json"}`), &h); err != nil || h.Password.Reveal() != "from-json" {
		t.Errorf("got %q, %v", h.Password.Reveal(), err)
	}
}
