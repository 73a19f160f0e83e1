package projectconfig_test

import (
	"net/url"
	"testing"

	"vestibule.dev/pkg/projectconfig"
)

func TestLinkWithCode_callback_keepsWhatItHas(t *testing.T) {
	for _, callback := range []string{
		"https://example.com/verify?next=%2Fa%3Fb&code=old#part",
		"http://localhost:3000/verify?next=%2Fa%3Fb#part",
	} {
		link, err := projectconfig.LinkWithCode(callback, "c0de")
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
