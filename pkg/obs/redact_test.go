package obs_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"testing"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/obs"
	"vestibule.dev/pkg/secret"
)

const (
	random = "0h1jk2mn3pq4rs5tv6wx7yz8ab9cd0ef1gh2jk3mn4pq5"
	token  = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJzdWIiOiJ1In0.c2lnbmF0dXJl-_c2ln"
)

func TestRedact_secrets_areMasked(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "",
		"nothing to hide":                 "nothing to hide",
		random:                            "***",
		"token=" + random + ".":           "token=***.",
		"key ssk_" + random + ", sorry":   "key ***, sorry",
		"Bearer " + token + " refused":    "Bearer *** refused",
		"code/" + random + "?x=1":         "code/***?x=1",
		"cut off: " + token[:20]:          "cut off: ***",
		"two " + random + " and " + token: "two *** and ***",
		"postgres://app:hush@db:5432/teams refused":             "postgres://app:***@db:5432/teams refused",
		"http://127.0.0.1:8102/api/v1":                          "http://127.0.0.1:8102/api/v1",
		"user 3241a285-8329-4d69-8f3d-316e08cf140c":             "user 3241a285-8329-4d69-8f3d-316e08cf140c",
		"trace 4bf92f3577b34da6a3ce929d0e0e4736":                "trace 4bf92f3577b34da6a3ce929d0e0e4736",
		"contact_channels_project_id_branch_id_type_value_key1": "contact_channels_project_id_branch_id_type_value_key1",
		"a @ b and @c and d@":                                   "a @ b and @c and d@",
	} {
		if got := obs.Redact(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestRedact_addresses_areHashed(t *testing.T) {
	hash := obs.Redact("anna.b+c@example.com")
	if !strings.HasPrefix(hash, "email#") || len(hash) != len("email#")+12 {
		t.Fatal(hash)
	}
	for in, want := range map[string]string{
		"ANNA.B+C@Example.com":                                  hash,
		"Key (value)=(anna.b+c@example.com) already exists.":    "Key (value)=(" + hash + ") already exists.",
		"from <anna.b+c@example.com>, to anna.b+c@example.com.": "from <" + hash + ">, to " + hash + ".",
		`{"email":"anna.b+c@example.com"}`:                      `{"email":"` + hash + `"}`,
	} {
		if got := obs.Redact(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	if obs.Redact("other@example.com") == hash {
		t.Error("two addresses look the same")
	}
	for _, in := range []string{"ünï@exämple.com", "x@localhost", "o'neil@example.com"} {
		if got := obs.Redact(in); strings.Contains(got, "@") {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestRedact_issuedSecrets_areMasked(t *testing.T) {
	for range 1000 {
		if s := ids.Secret(); obs.Redact("x "+s+" y") != "x *** y" {
			t.Fatalf("%s shows", s)
		}
	}
}

func TestRedact_stackTrace_isKept(t *testing.T) {
	stack := string(debug.Stack())
	if got := obs.Redact(stack); got != stack {
		t.Error(got)
	}
}

func TestNewLogger_whatever_hidesSecrets(t *testing.T) {
	type login struct {
		Address  string
		Password secret.Secret
		Code     string
	}
	for _, text := range []bool{true, false} {
		var out bytes.Buffer
		log := obs.NewLogger(&out, obs.LogConfig{Service: "identity", Level: slog.LevelDebug, Text: text})
		log = log.With("password", "hush").WithGroup("group").With("refresh_token", "hush")
		log.ErrorContext(inRequest(t), "sent to hush@example.com with "+random,
			"error", fmt.Errorf("insert: %w", errors.New("Key (email)=(hush@example.com) exists")),
			"Authorization", "hush",
			"otp", 98765,
			"api-key", "hush",
			"body", login{"hush@example.com", "hush", random},
			"pointer", &login{"hush@example.com", "hush", random},
			"list", []string{"hush@example.com", random},
			"map", map[string]string{"to": "hush@example.com"},
			"bytes", []byte("hush"),
			slog.Group("nested", "new_password", "hush", "e", "hush@example.com"),
			"secret", secret.Secret("hush"),
		)
		for _, s := range []string{"hush", random, "98765"} {
			if strings.Contains(out.String(), s) {
				t.Errorf("text %v: %q shows in %s", text, s, &out)
			}
		}
	}
}

func BenchmarkRedact(b *testing.B) {
	line := "/vestibule.teams.v1.TeamService/UpdateTeam for 3241a285-8329-4d69-8f3d-316e08cf140c from 192.0.2.1"
	for b.Loop() {
		obs.Redact(line)
	}
}
