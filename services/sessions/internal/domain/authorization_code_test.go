package domain

import "testing"

func TestProvedBy_verifiers_mustFitTheChallenge(t *testing.T) {
	// The example of RFC 7636 appendix B.
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	for name, tt := range map[string]struct {
		challenge CodeChallenge
		verifier  string
		want      bool
	}{
		"S256":              {CodeChallenge{challenge, ChallengeS256}, verifier, true},
		"S256, other":       {CodeChallenge{challenge, ChallengeS256}, verifier + "x", false},
		"S256, itself":      {CodeChallenge{challenge, ChallengeS256}, challenge, false},
		"plain":             {CodeChallenge{"some-short-challenge", ChallengePlain}, "some-short-challenge", true},
		"plain, other":      {CodeChallenge{"some-short-challenge", ChallengePlain}, "other", false},
		"no verifier":       {CodeChallenge{challenge, ChallengeS256}, "", false},
		"nothing, S256":     {CodeChallenge{"", ChallengeS256}, "", false},
		"nothing, plain":    {CodeChallenge{"", ChallengePlain}, "", false},
		"only the verifier": {CodeChallenge{"", ChallengePlain}, "verifier", false},
	} {
		if got := tt.challenge.ProvedBy(tt.verifier); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAddQuery_urls_keepTheirOwnParameters(t *testing.T) {
	for raw, want := range map[string]string{
		"https://app.example.com/cb":                "https://app.example.com/cb?code=c+d&state=s",
		"https://app.example.com/cb?stack=1&code=x": "https://app.example.com/cb?code=c+d&stack=1&state=s",
		"hexclave-mobile-oauth-url://success":       "hexclave-mobile-oauth-url://success?code=c+d&state=s",
		"stack-auth-mobile-oauth-url:success":       "stack-auth-mobile-oauth-url:success?code=c+d&state=s",
		"http://localhost:3000/#top":                "http://localhost:3000/?code=c+d&state=s#top",
	} {
		if got, err := AddQuery(raw, map[string]string{"code": "c d", "state": "s"}); err != nil || got != want {
			t.Errorf("%s: %s, %v", raw, got, err)
		}
	}
}
