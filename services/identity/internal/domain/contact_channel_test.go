package domain

import "testing"

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
