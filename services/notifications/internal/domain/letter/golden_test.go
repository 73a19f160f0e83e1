package letter_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vestibule.dev/services/notifications/internal/domain/hxtemplate"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with a file of testdata, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run the test with -update and look at the difference\n%s", path, got)
	}
}

// preview renders a built-in with its sample values.
func preview(t *testing.T, template *letter.Template, theme string, change func(*letter.Input)) letter.Letter {
	t.Helper()
	name := "Ada Lovelace"
	in := letter.Input{
		Source: template.Source, Theme: theme, UserDisplayName: &name, ProjectDisplayName: "Analytical Engines", Variables: template.Parsed.Preview,
	}
	if change != nil {
		change(&in)
	}
	got, err := letter.Render(nil, in)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRender_builtIns_golden(t *testing.T) {
	for _, template := range letter.Templates {
		t.Run(template.Key, func(t *testing.T) {
			got := preview(t, &template, letter.Themes[0].Source, nil)
			golden(t, template.Key+".html", got.HTML)
			golden(t, template.Key+".txt", "Subject: "+got.Subject+"\n\n"+got.Text+"\n")
		})
	}
	for _, notice := range letter.Notices {
		t.Run(notice.Key, func(t *testing.T) {
			got := preview(t, &notice, "", nil)
			golden(t, notice.Key+".html", got.HTML)
			golden(t, notice.Key+".txt", "Subject: "+got.Subject+"\n\n"+got.Text+"\n")
		})
	}
	for _, theme := range letter.Themes {
		t.Run(theme.DisplayName, func(t *testing.T) {
			got := preview(t, &letter.Templates[0], theme.Source, func(in *letter.Input) {
				in.UnsubscribeLink = "https://api.example.com/api/v1/emails/unsubscribe-link?code=abc&x=1"
				in.Logos = hxtemplate.Logos{URL: "https://example.com/logo.png", DarkModeURL: "https://example.com/dark.png"}
			})
			golden(t, "theme_"+strings.ReplaceAll(strings.ToLower(theme.DisplayName), " ", "_")+".html", got.HTML)
			golden(t, "theme_"+strings.ReplaceAll(strings.ToLower(theme.DisplayName), " ", "_")+".txt", got.Text+"\n")
		})
	}
}
