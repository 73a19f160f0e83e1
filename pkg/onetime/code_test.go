package onetime

import (
	"strings"
	"testing"

	"vestibule.dev/pkg/ids"
)

func TestSplit_table_findsNonce(t *testing.T) {
	nonce := strings.Repeat("a", 39)
	for text, want := range map[string]struct {
		code, nonce string
		ok          bool
	}{
		"012345" + nonce:                  {"012345" + nonce, nonce, true},
		"ABCDEF" + strings.ToUpper(nonce): {"abcdef" + nonce, nonce, true},
		// A guess may hold any character; it still counts.
		"oilu!?" + nonce:                      {"oilu!?" + nonce, nonce, true},
		"äöü日本語" + nonce:                      {"äöü日本語" + nonce, nonce, true},
		"":                                    {},
		nonce:                                 {},
		"01234" + nonce:                       {},
		"0123456" + nonce:                     {},
		"012345" + nonce[1:] + "u":            {},
		"012345" + nonce[1:] + "ä":            {},
		"012345" + nonce[2:] + "ä":            {},
		"012345" + nonce[1:] + "\x00":         {},
		"012345" + strings.Repeat("\xff", 39): {},
	} {
		code, gotNonce, ok := split(text)
		if code != want.code || gotNonce != want.nonce || ok != want.ok {
			t.Errorf("split(%q) = %q, %q, %v", text, code, gotNonce, ok)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("0123456789abcdefghjkmnpqrstvwxyz0123456789abc")
	f.Add("ABCDEF6789ABCDEFGHJKMNPQRSTVWXYZ0123456789ABC")
	f.Add("äöü日本語6789abcdefghjkmnpqrstvwxyz0123456789abc")
	f.Add("\u0130\u0130\u0130\u0130\u0130\u01306789abcdefghjkmnpqrstvwxyz0123456789abc")
	f.Add("012345\u212a789abcdefghjkmnpqrstvwxyz0123456789abc")
	f.Add("\xff\xff\xff\xff\xff\xff6789abcdefghjkmnpqrstvwxyz0123456789abc")
	f.Fuzz(func(t *testing.T, text string) {
		code, nonce, ok := split(text)
		if ids.ValidSecret(text) && (!ok || code != text || nonce != text[6:]) {
			t.Errorf("a code is read as %q, %q, %v", code, nonce, ok)
		}
		if !ok {
			return
		}
		if !strings.HasSuffix(code, nonce) || !ids.ValidSecret("000000"+nonce) {
			t.Errorf("bad nonce %q of %q", nonce, code)
		}
		if again, sameNonce, ok := split(code); ids.ValidSecret(code) && (!ok || again != code || sameNonce != nonce) {
			t.Errorf("%q is not read as itself", code)
		}
	})
}
