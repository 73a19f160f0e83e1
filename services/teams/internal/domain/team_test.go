package domain

import "testing"

func TestPersonalTeamName(t *testing.T) {
	for _, tt := range []struct{ displayName, email, want string }{
		{"Ada", "ada@example.com", "Ada's Team"},
		{"", "ada@example.com", "ada@example.com's Team"},
		{"", "", PlaceholderName},
	} {
		if got := PersonalTeamName(tt.displayName, tt.email); got != tt.want {
			t.Errorf("PersonalTeamName(%q, %q) = %q, want %q", tt.displayName, tt.email, got, tt.want)
		}
	}
}
