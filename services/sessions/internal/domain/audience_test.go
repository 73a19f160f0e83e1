package domain

import "testing"

const project = "3241a285-8329-4d69-8f3d-316e08cf140c"

func TestParseAudience_table_readsTheThreeSpellings(t *testing.T) {
	for text, want := range map[string]Audience{
		project:                 {project, Ordinary},
		project + ":restricted": {project, Restricted},
		project + ":anon":       {project, Anonymous},
		"internal":              {"internal", Ordinary},
		"internal:anon":         {"internal", Anonymous},
	} {
		got, ok := ParseAudience(text)
		if !ok || got != want {
			t.Errorf("ParseAudience(%q) = %v, %v", text, got, ok)
		}
		if got.String() != text {
			t.Errorf("%q is spelled %q", text, got)
		}
	}
	for _, text := range []string{"", ":", ":anon", project + ":", project + ":anonymous", project + ":anon:anon", "other", project + " "} {
		if got, ok := ParseAudience(text); ok {
			t.Errorf("ParseAudience(%q) = %v", text, got)
		}
	}
}

func TestIssuer_kinds_differ(t *testing.T) {
	for kind, want := range map[Kind]string{
		Ordinary:   "https://api.example.com/api/v1/projects/internal",
		Restricted: "https://api.example.com/api/v1/projects-restricted-users/internal",
		Anonymous:  "https://api.example.com/api/v1/projects-anonymous-users/internal",
	} {
		if got := (Audience{"internal", kind}).Issuer("https://api.example.com"); got != want {
			t.Errorf("issuer %q, want %q", got, want)
		}
	}
}

func TestKind_anonymousUser_isNotMerelyRestricted(t *testing.T) {
	for _, tt := range []struct {
		subject Subject
		want    Kind
	}{
		{Subject{}, Ordinary},
		{Subject{Restricted: true}, Restricted},
		{Subject{Restricted: true, Anonymous: true}, Anonymous},
	} {
		if got := tt.subject.Kind(); got != tt.want {
			t.Errorf("%+v is of kind %d, want %d", tt.subject, got, tt.want)
		}
	}
}
