package domain

import (
	"strings"
	"testing"
	"unicode"
)

func TestNormalizeEmail_variants_keepDotsAndTags(t *testing.T) {
	for in, want := range map[string]string{
		"ada@example.com":          "ada@example.com",
		" Ada.L+Tag@EXAMPLE.com\t": "ada.l+tag@example.com",
		"":                         "",
	} {
		if got := NormalizeEmail(in); got != want {
			t.Errorf("NormalizeEmail(%q) = %q, want %q", in, got, want)
		}
	}
}

// An address has one form, which is its own form, so that two spellings of it
// can neither sign up twice nor miss each other.
func FuzzNormalizeEmail_anyText_hasOneForm(f *testing.F) {
	for _, seed := range []string{
		"ada@example.com", " Ada.L+Tag@EXAMPLE.com\t", "", "\u00a0ada@example.com\u3000", "\u0130@example.com", "\u212a@example.com",
		"ada@\u1e9eexample.com", "\xffada@example.com", "ada@example.com\x00", "\ufeffada@example.com", "A\u0307@example.com",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		form := NormalizeEmail(text)
		if again := NormalizeEmail(form); again != form {
			t.Errorf("%q becomes %q and then %q", text, form, again)
		}
		if strings.TrimFunc(form, unicode.IsSpace) != form {
			t.Errorf("%q keeps space around %q", text, form)
		}
		if padded := NormalizeEmail(" \t" + text + "\n"); padded != form {
			t.Errorf("%q with space around it is %q, without %q", text, padded, form)
		}
		ascii := strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) < 0
		if ascii && NormalizeEmail(strings.ToUpper(text)) != form {
			t.Errorf("%q has another form in upper case", text)
		}
		if ascii && strings.IndexFunc(form, unicode.IsUpper) >= 0 {
			t.Errorf("%q keeps upper case in %q", text, form)
		}
		if strings.Count(form, "@") < strings.Count(text, "@") || strings.Count(form, ".") != strings.Count(text, ".") || strings.Count(form, "+") != strings.Count(text, "+") {
			t.Errorf("%q loses something: %q", text, form)
		}
	})
}
