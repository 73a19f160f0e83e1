package domain

import "testing"

func TestPersonalTeamName_whatIsKnown_namesTheTeam(t *testing.T) {
	ada, empty := "Ada", ""
	email := &PrimaryEmail{Value: "ada@example.com"}
	for _, tt := range []struct {
		user User
		want string
	}{
		{User{DisplayName: &ada, PrimaryEmail: email}, "Ada's Team"},
		{User{DisplayName: &empty, PrimaryEmail: email}, "ada@example.com's Team"},
		{User{PrimaryEmail: email}, "ada@example.com's Team"},
		{User{}, "Personal Team"},
	} {
		if got := tt.user.PersonalTeamName(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestNilIfEmpty_texts_emptyIsNil(t *testing.T) {
	text, empty := "a", ""
	if NilIfEmpty(nil) != nil || NilIfEmpty(&empty) != nil || NilIfEmpty(&text) != &text {
		t.Error("only nil and the empty text are nil")
	}
}

func TestNormalizeCountry_anySpelling_isTwoCapitals(t *testing.T) {
	if got := NormalizeCountry(" ch\t"); got != "CH" {
		t.Errorf("%q", got)
	}
}
