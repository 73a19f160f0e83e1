package ids_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vestibule.dev/pkg/ids"
)

// contractUUID is the pattern of the API contract.
var contractUUID = regexp.MustCompile(`(?i)^(?:[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|00000000-0000-0000-0000-000000000000)$`)

func TestNewUUID_many_areVersion4AndUnique(t *testing.T) {
	v4 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := ids.NewUUID()
		if !v4.MatchString(id) || !ids.ValidUUID(id) || seen[id] {
			t.Fatalf("bad id %q", id)
		}
		seen[id] = true
	}
}

func TestOrdered_many_ascend(t *testing.T) {
	var list []string
	for range 1000 {
		list = append(list, ids.Ordered())
	}
	if !slices.IsSorted(list) || len(slices.Compact(list)) != 1000 {
		t.Error("the ids do not ascend")
	}
	if ids.ValidUUID(list[0]) {
		t.Error("an internal id passes as a public one")
	}
}

func TestValidUUID_table_matchesContract(t *testing.T) {
	for s, want := range map[string]bool{
		"6ba7b810-9dad-11d1-80b4-00c04fd430c8":          true,
		"6BA7B810-9DAD-41D1-B0B4-00C04FD430C8":          true,
		"6ba7b810-9dad-51d1-A0b4-00c04fd430c8":          true,
		ids.Nil:                                         true,
		"6ba7b810-9dad-71d1-80b4-00c04fd430c8":          false, // version 7
		"6ba7b810-9dad-01d1-80b4-00c04fd430c8":          false,
		"6ba7b810-9dad-41d1-c0b4-00c04fd430c8":          false, // variant
		"6ba7b810-9dad-41d1-70b4-00c04fd430c8":          false,
		"ffffffff-ffff-ffff-ffff-ffffffffffff":          false,
		"00000000-0000-0000-0000-000000000001":          false,
		"6ba7b8109dad41d180b400c04fd430c8":              false,
		"{6ba7b810-9dad-41d1-80b4-00c04fd430c8}":        false,
		"urn:uuid:6ba7b810-9dad-41d1-80b4-00c04fd430c8": false,
		"6ba7b810-9dad-41d1-80b4-00c04fd430cg":          false,
		"6ba7b810-9dad-41d1-80b4-00c04fd430c8\n":        false,
		" 6ba7b810-9dad-41d1-80b4-00c04fd430c":          false,
		"6ba7b810x9dad-41d1-80b4-00c04fd430c8":          false,
		"6ba7b810-9dad-41d1-80b4-00c04fd430\u0663":      false,
		"me": false,
		"":   false,
	} {
		if got := ids.ValidUUID(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
		if contractUUID.MatchString(s) != want {
			t.Errorf("%q: the table disagrees with the contract", s)
		}
	}
}

func TestValidUUID_generated_matchesContract(t *testing.T) {
	near := rapid.StringMatching(`[0-9a-gA-G]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-fA-F]{4}-[0-9a-f]{12}`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(near, rapid.String()).Draw(t, "s")
		if got, want := ids.ValidUUID(s), contractUUID.MatchString(s); got != want {
			t.Fatalf("%q: %v, want %v", s, got, want)
		}
	})
}

func TestSecret_many_useTheWholeAlphabetEvenly(t *testing.T) {
	const rounds = 2000
	count := map[rune]int{}
	seen := map[string]bool{}
	for range rounds {
		s := ids.Secret()
		if !ids.ValidSecret(s) || seen[s] {
			t.Fatalf("bad secret %q", s)
		}
		seen[s] = true
		for _, r := range s {
			count[r]++
		}
	}
	// 2812 expected per character; ±10 % is more than five standard deviations.
	mean := rounds * ids.SecretLength / len(ids.Alphabet)
	for _, r := range ids.Alphabet {
		if c := count[r]; c < mean*9/10 || c > mean*11/10 {
			t.Errorf("%c occurs %d times, expected about %d", r, c, mean)
		}
	}
}

func TestValidSecret_table_checksLengthAndAlphabet(t *testing.T) {
	good := strings.Repeat("0", 40) + "wxyza"
	for s, want := range map[string]bool{
		good: true, good[1:]: false, good + "0": false, "": false,
		"i" + good[1:]: false, "l" + good[1:]: false, "o" + good[1:]: false, "u" + good[1:]: false,
		"A" + good[1:]: false, "-" + good[1:]: false, "é" + good[2:]: false,
	} {
		if got := ids.ValidSecret(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

func TestRequestID_shape_is16Characters(t *testing.T) {
	if s := ids.RequestID(); !regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{16}$`).MatchString(s) {
		t.Errorf("bad request id %q", s)
	}
}

func TestNewProjectKey_kinds_havePrefixAndBody(t *testing.T) {
	for kind, prefix := range map[ids.ProjectKeyKind]string{
		ids.PublishableClientKey: "pck_", ids.SecretServerKey: "ssk_", ids.SuperSecretAdminKey: "sak_",
	} {
		body, ok := strings.CutPrefix(ids.NewProjectKey(kind), prefix)
		if !ok || !ids.ValidSecret(body) {
			t.Errorf("%s: bad body %q", prefix, body)
		}
	}
}

func TestAPIKey_text_hasContractShape(t *testing.T) {
	for _, tc := range []struct {
		owner   ids.KeyOwner
		public  bool
		pattern string
	}{
		{ids.UserKey, false, `^sk_[0-9a-hjkmnp-tv-z]{45}%suser1574ck4u7h[0-9a-f]{8}$`},
		{ids.TeamKey, true, `^pk_[0-9a-hjkmnp-tv-z]{45}%steam3574ck4u7h[0-9a-f]{8}$`},
	} {
		k := ids.NewAPIKey(tc.owner, tc.public)
		text := k.Text()
		pattern := fmt.Sprintf(tc.pattern, strings.ReplaceAll(k.ID, "-", ""))
		if len(text) != 102 || !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("%q does not match %s", text, pattern)
		}
		got, ok := ids.ParseAPIKey(text)
		if !ok || got != k {
			t.Errorf("parsed %+v %v, want %+v", got, ok, k)
		}
	}
}

func TestParseAPIKey_knownText_isRead(t *testing.T) {
	// The checksum was computed with zlib's crc32.
	const text = "sk_0123456789abcdefghjkmnpqrstvwxyz0123456789abc6ba7b8109dad41d180b400c04fd430c8user1574ck4u7h2e2e14e7"
	k, ok := ids.ParseAPIKey(text)
	want := "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
	if !ok || k.ID != want || k.Owner != ids.UserKey || k.Public || k.Text() != text {
		t.Errorf("got %+v %v", k, ok)
	}
}

func TestParseAPIKey_anyOtherCharacter_isRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		owner := rapid.SampledFrom([]ids.KeyOwner{ids.UserKey, ids.TeamKey}).Draw(t, "owner")
		text := []byte(ids.NewAPIKey(owner, rapid.Bool().Draw(t, "public")).Text())
		i := rapid.IntRange(0, len(text)-1).Draw(t, "position")
		c := rapid.Byte().Draw(t, "character")
		if c == text[i] {
			c ^= 1
		}
		text[i] = c
		if _, ok := ids.ParseAPIKey(string(text)); ok {
			t.Fatalf("%q is accepted", text)
		}
	})
}

func TestParseAPIKey_anyText_neverPanics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if _, ok := ids.ParseAPIKey(rapid.StringN(0, 102, 102).Draw(t, "text")); ok {
			t.Fatal("a random text is accepted")
		}
	})
}

func TestAPIKey_printed_hidesSecret(t *testing.T) {
	k := ids.NewAPIKey(ids.UserKey, false)
	secret := k.Text()[3 : 3+ids.SecretLength]
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if out := fmt.Sprintf(format, k); strings.Contains(out, secret) {
			t.Errorf("%s shows the secret: %s", format, out)
		}
	}
}
