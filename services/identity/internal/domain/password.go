package domain

import (
	"unicode/utf8"

	"vestibule.dev/pkg/apierr"
)

const (
	// MinPasswordLength is the least number of characters of a password that a
	// user chooses.
	MinPasswordLength = 8
	// MaxPasswordLength is the greatest number of characters of any password.
	MaxPasswordLength = 70
	// maxPasswordBytes keeps passwords exportable to systems on bcrypt, which
	// reads no more than 72 bytes and the terminating zero.
	maxPasswordBytes = 71
)

// CheckNewPassword refuses a password that a user may not choose.
func CheckNewPassword(password string) error {
	if utf8.RuneCountInString(password) < MinPasswordLength {
		return apierr.PasswordTooShort(MinPasswordLength)
	}
	return CheckPasswordSize(password)
}

// CheckPasswordSize refuses a password that is too long to be stored.
func CheckPasswordSize(password string) error {
	if utf8.RuneCountInString(password) > MaxPasswordLength || len(password) > maxPasswordBytes {
		return apierr.PasswordTooLong(MaxPasswordLength)
	}
	return nil
}
