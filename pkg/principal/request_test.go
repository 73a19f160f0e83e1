package principal_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"vestibule.dev/pkg/principal"
)

func TestSetMetadata_facts_survive(t *testing.T) {
	want := principal.Request{
		ID:           "0123456789abcdef",
		ClientIP:     "2001:db8::1",
		Country:      "CH",
		Region:       "ZH",
		City:         " Zürich 100% ",
		Coordinates:  &principal.Coordinates{Latitude: 47.3769, Longitude: -8.5417},
		Timezone:     "Europe/Zurich",
		UserAgent:    "Mozilla/5.0 (X11; Linux x86_64)\r\nvestibule-client-ip: 1.1.1.1\x00",
		RefreshToken: "0123456789abcdefghjkmnpqrstvwxyz0123456789abc",
	}
	md := map[string][]string{}
	want.SetMetadata(md)
	for name, values := range md {
		if !strings.HasPrefix(name, principal.MetadataPrefix) {
			t.Errorf("%s does not begin with the prefix", name)
		}
		for _, c := range []byte(values[0]) {
			if c < ' ' || c > '~' {
				t.Errorf("%s: %q cannot travel as metadata", name, values[0])
			}
		}
	}
	if got := principal.RequestFromMetadata(md); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestSetMetadata_anyText_survives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := principal.Request{UserAgent: rapid.StringN(0, 100, 512).Draw(t, "user agent")}
		md := map[string][]string{}
		want.SetMetadata(md)
		if got := principal.RequestFromMetadata(md); got != want {
			t.Fatalf("got %q, want %q", got.UserAgent, want.UserAgent)
		}
	})
}

func TestRequestFromMetadata_hostile_countsAsUnknown(t *testing.T) {
	for name, md := range map[string]map[string][]string{
		"twice":            {principal.MetadataClientIP: {"192.0.2.1", "192.0.2.2"}},
		"cut escape":       {principal.MetadataClientIP: {"192.0.2.1%4"}},
		"bad escape":       {principal.MetadataClientIP: {"%zz"}},
		"lower-case hex":   {principal.MetadataClientIP: {"%c3"}},
		"latitude alone":   {principal.MetadataLatitude: {"1"}},
		"off the globe":    {principal.MetadataLatitude: {"91"}, principal.MetadataLongitude: {"0"}},
		"not a number":     {principal.MetadataLatitude: {"NaN"}, principal.MetadataLongitude: {"0"}},
		"infinite":         {principal.MetadataLatitude: {"0"}, principal.MetadataLongitude: {"Inf"}},
		"empty and nobody": {principal.MetadataClientIP: {}},
	} {
		if got := principal.RequestFromMetadata(md); got != (principal.Request{}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestSetMetadata_longFact_isCutAtACharacter(t *testing.T) {
	md := map[string][]string{}
	principal.Request{UserAgent: "x" + strings.Repeat("ü", 4000)}.SetMetadata(md)
	got := principal.RequestFromMetadata(md).UserAgent
	if len(got) != 511 || !utf8.ValidString(got) {
		t.Errorf("%d bytes, valid %v", len(got), utf8.ValidString(got))
	}
}

func TestRequest_printed_hidesRefreshToken(t *testing.T) {
	r := principal.Request{RefreshToken: "hush"}
	if text := fmt.Sprintf("%v %+v %#v", r, r, r); strings.Contains(text, "hush") {
		t.Error(text)
	}
}
