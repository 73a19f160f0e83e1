package letter_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"vestibule.dev/services/notifications/internal/domain/letter"
)

func TestTranslations_locale_picksTheBestFit(t *testing.T) {
	magic, _ := letter.TemplateByKey("magic_link")
	reset, _ := letter.TemplateByKey("password_reset")
	front := strings.ReplaceAll(magic.Source[:strings.LastIndex(magic.Source, "---\n")], "Sign in to", "Entrar em")
	more := fstest.MapFS{"pt-BR/magic_link.hx": {Data: []byte(front + "---\n<p>{{ variables.otp }} {{ variables.magicLink }}</p>")}}
	translations, err := letter.LoadTranslations(more)
	if err != nil {
		t.Fatal(err)
	}
	for locale, want := range map[string]string{
		"": "Sign in", "en": "Sign in", "en-GB": "Sign in", "de": "anmelden", "de-CH": "anmelden", "de-DE,de;q=0.9,en;q=0.8": "anmelden",
		"pt-BR": "Entrar", "ja": "Sign in", "ja, de;q=0.5": "anmelden", "not a language!": "Sign in", strings.Repeat("x-", 5000): "Sign in",
	} {
		if got := translations.Source(magic, locale); !strings.Contains(got, "subject: "+want) && !strings.Contains(got, want+": Dein") {
			t.Errorf("%.40q gives %q", locale, strings.SplitN(got, "\n", 4)[2])
		}
	}
	if got := translations.Source(reset, "pt-BR"); got != reset.Source {
		t.Error("a template without translation is not English")
	}
	var none *letter.Translations
	if none.Source(magic, "de") != magic.Source {
		t.Error("without translations there is no English")
	}
}

// Every translation that comes with the program says what its template says.
func TestTranslations_builtIn_complete(t *testing.T) {
	translations, err := letter.LoadTranslations(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, template := range slices.Concat(letter.Templates, letter.Notices) {
		template := &template
		got := preview(t, template, letter.Themes[0].Source, func(in *letter.Input) { in.Source = translations.Source(template, "de") })
		if got.Subject == preview(t, template, "", nil).Subject {
			t.Errorf("%s is not translated", template.Key)
		}
		for name, value := range template.Parsed.Preview {
			if text, ok := value.(string); ok && strings.Count(got.Text, text) == 0 {
				t.Errorf("%s lacks %s", template.Key, name)
			}
		}
	}
}

func TestLoadTranslations_unusable_isRefused(t *testing.T) {
	magic, _ := letter.TemplateByKey("magic_link")
	for name, source := range map[string]string{
		"klingon!/magic_link.hx": magic.Source,
		"de/newsletter.hx":       magic.Source,
		"de/password_reset.hx":   magic.Source,
		"fr/magic_link.hx":       "<p>x</p>",
		"es/magic_link.hx":       strings.Replace(magic.Source, "category: Transactional\n", "", 1),
	} {
		if _, err := letter.LoadTranslations(fstest.MapFS{name: {Data: []byte(source)}}); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
