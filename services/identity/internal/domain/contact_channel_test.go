package domain

import (
	"net/url"
	"testing"
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

func TestLinkWithCode_callback_keepsWhatItHas(t *testing.T) {
	for _, callback := range []string{
		"https://example.com/verify?next=%2Fa%3Fb&code=old#part",
		"http://localhost:3000/verify?next=%2Fa%3Fb#part",
	} {
		link, err := LinkWithCode(callback, "c0de")
		if err != nil {
			t.Fatal(err)
		}
		got, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		query := got.Query()
		if len(query["code"]) != 1 || query.Get("code") != "c0de" || query.Get("next") != "/a?b" || got.Fragment != "part" {
			t.Errorf("%s became %s", callback, link)
		}
	}
}
