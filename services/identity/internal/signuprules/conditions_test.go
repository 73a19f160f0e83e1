package signuprules_test

import (
	"strings"
	"testing"

	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/signuprules"
)

var facts = app.SignUpFacts{
	Email: "ada.lovelace@sub.example.com", EmailDomain: "sub.example.com", CountryCode: "DE", AuthMethod: "oauth", OAuthProvider: "google",
	RiskScores: domain.RiskScores{Bot: 40, FreeTrialAbuse: 100},
}

func TestHold_language_isTheSpecifiedOne(t *testing.T) {
	conditions, err := signuprules.New()
	if err != nil {
		t.Fatal(err)
	}
	for condition, want := range map[string]bool{
		`true`:  true,
		`false`: false,
		`email == "ada.lovelace@sub.example.com"`:                                 true,
		`email == "ADA.lovelace@sub.example.com"`:                                 false,
		`emailDomain != "sub.example.com"`:                                        false,
		`countryCode in ["FR", "DE"]`:                                             true,
		`countryCode in []`:                                                       false,
		`authMethod == "password" || oauthProvider == "google"`:                   true,
		`authMethod == "oauth" && !(countryCode == "DE")`:                         false,
		`riskScores.bot > 39 && riskScores.bot <= 40 && riskScores.bot >= 40`:     true,
		`riskScores.free_trial_abuse == 100`:                                      true,
		`riskScores.bot < 40.5`:                                                   true,
		`riskScores.bot > -1`:                                                     true,
		`email.contains("lovelace")`:                                              true,
		`email.contains("Lovelace")`:                                              false,
		`email.contains(".*")`:                                                    false,
		`email.startsWith("ada") && emailDomain.endsWith(".com")`:                 true,
		`email.matches("love")`:                                                   true,
		`email.matches("^love")`:                                                  false,
		`email.matches("^ADA")`:                                                   false,
		`email.matches("(l)ove\\1ace")`:                                           true, // a back-reference, which RE2 lacks
		`email.matches("^(a)\\1")`:                                                false,
		`email.matches("(?=ada)ada\\.(?!x)")`:                                     true, // look-ahead
		`email.matches("^[\\w.]+@(sub\\.)?example\\.com$")`:                       true,
		`email.matches("\\d")`:                                                    false,
		`email.contains("say \"hi\"")`:                                            false,
		`email.matches("^.{28}$")`:                                                true,
		`email.matches("x") || email.matches("(") || true`:                        true,
		`countryCode < "DF"`:                                                      true,
		`(((email.contains("a"))))`:                                               true,
		`oauthProvider == "google" ` + "\n" + ` && countryCode == "DE"`:           true,
		strings.Repeat(`email.contains("a") && `, 100) + `countryCode == "DE"`:    true,
		`emailDomain in ["` + strings.Repeat(`x.com", "`, 1000) + `example.com"]`: false,
	} {
		if got, err := conditions.Hold(t.Context(), condition, facts); err != nil || got != want {
			t.Errorf("%.100s: %v, %v", condition, got, err)
		}
	}
}

func TestHold_anythingElse_isAnError(t *testing.T) {
	conditions, err := signuprules.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, condition := range []string{
		``, `email`, `riskScores.bot`, `1`, `email == `, `email = "x"`, `unknown == "x"`, `email.unknown("x")`, `email.contains(1)`, `email.matches("(")`,
		`email.matches("[")`, `riskScores.unknown > 1`, `email.matches(riskScores.bot)`, `size(email) > 1`, `[1,2].exists(x, x > 1)`,
		`{"a": 1}`, `email + email == "x"`, `"a" == 1`, `email.contains("\d")`, strings.Repeat(`(`, 10_000),
	} {
		if got, err := conditions.Hold(t.Context(), condition, facts); err == nil || got {
			t.Errorf("%.100s: %v, %v", condition, got, err)
		}
	}
}

// R55. Without the timeout this takes longer than the universe.
func TestHold_backtracking_ends(t *testing.T) {
	conditions, err := signuprules.New()
	if err != nil {
		t.Fatal(err)
	}
	hostile := facts
	hostile.Email = strings.Repeat("a", 300) + "!"
	if got, err := conditions.Hold(t.Context(), `email.matches("^(a+)+$")`, hostile); err == nil || got {
		t.Errorf("%v, %v", got, err)
	} else if strings.Contains(err.Error(), hostile.Email) {
		t.Errorf("the error quotes the address: %v", err)
	}
}

func BenchmarkHold(b *testing.B) {
	conditions, err := signuprules.New()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := conditions.Hold(b.Context(), `emailDomain in ["a.com", "b.com"] || email.matches("^[a-z]+@x$")`, facts); err != nil {
			b.Fatal(err)
		}
	}
}
