package accesstoken

import (
	"strings"
	"testing"
)

// A token is read in one way or not at all: what is accepted is exactly three
// strict base64 segments whose JSON has no second reading.
func FuzzParseToken_accepted_hasOneReading(f *testing.F) {
	const header = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ" // {"alg":"ES256","kid":"k"}
	for _, seed := range []string{
		header + ".eyJzdWIiOiJ1In0.AAAA", header + "..", header + ".e30.AA==", "..", "", header + ".\n.",
		"eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsiLCJraWQiOiJ4In0.e30.AAAA",
		"eyJBTEciOiJFUzI1NiIsImtpZCI6ImsifQ.e30.AAAA", header + ".eyJleHAiOjFlOTk5fQ.AAAA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		raw, err := parseToken(token)
		if err != nil {
			return
		}
		if strings.Count(token, ".") != 2 || !strings.HasPrefix(token, raw.signed+".") || raw.kid == "" {
			t.Errorf("%q was accepted", token)
		}
		if strings.ContainsAny(token, "= \n\r\t") {
			t.Errorf("%q has characters that no token has", token)
		}
	})
}
