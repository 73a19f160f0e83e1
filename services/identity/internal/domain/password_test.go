package domain

import (
	"errors"
	"strings"
	"testing"

	"vestibule.dev/pkg/apierr"
)

func TestCheckNewPassword_lengths_countCharactersAndBytes(t *testing.T) {
	for _, tt := range []struct {
		password string
		want     error
	}{
		{"", apierr.PasswordTooShort(8)},
		{"1234567", apierr.PasswordTooShort(8)},
		{"äöüäöüä", apierr.PasswordTooShort(8)}, // 14 bytes
		{"12345678", nil},
		{strings.Repeat("x", 70), nil},
		{strings.Repeat("x", 71), apierr.PasswordTooLong(70)},
		{strings.Repeat("ä", 35) + "x", nil},                  // 71 bytes
		{strings.Repeat("ä", 36), apierr.PasswordTooLong(70)}, // 72 bytes
	} {
		if got := CheckNewPassword(tt.password); !errors.Is(got, tt.want) {
			t.Errorf("%q: %v, want %v", tt.password, got, tt.want)
		}
	}
}

func TestCheckPasswordSize_shortPassword_isAccepted(t *testing.T) {
	if err := CheckPasswordSize(""); err != nil {
		t.Error(err)
	}
}
