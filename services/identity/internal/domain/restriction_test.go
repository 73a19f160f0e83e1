package domain

import "testing"

func TestRestrictedReason_conditions_firstOneWins(t *testing.T) {
	verified := &PrimaryEmail{Value: "ada@example.com", IsVerified: true}
	unverified := &PrimaryEmail{Value: "ada@example.com"}
	for _, tt := range []struct {
		name    string
		user    User
		require bool
		want    string
	}{
		{"normal", User{PrimaryEmail: verified}, true, ""},
		{"unverified, not required", User{PrimaryEmail: unverified}, false, ""},
		{"unverified", User{PrimaryEmail: unverified}, true, RestrictedEmailNotVerified},
		{"no address", User{}, true, RestrictedEmailNotVerified},
		{"no address, not required", User{}, false, ""},
		{"by administrator", User{PrimaryEmail: verified, RestrictedByAdmin: true}, true, RestrictedByAdministrator},
		{"unverified and by administrator", User{PrimaryEmail: unverified, RestrictedByAdmin: true}, true, RestrictedEmailNotVerified},
		{"anonymous and everything else", User{IsAnonymous: true, RestrictedByAdmin: true}, true, RestrictedAnonymous},
	} {
		if got := tt.user.RestrictedReason(tt.require); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
