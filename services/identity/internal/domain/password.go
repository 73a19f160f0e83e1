package domain

import (
	"net/http"
	"regexp"
	"strconv"
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
	// maxBcryptCost bounds the work an imported hash may ask for.
	maxBcryptCost = 16
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

var bcryptHash = regexp.MustCompile(`^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$`)

// CheckImportedHash refuses a password hash that is not bcrypt in modular crypt
// form or that asks for an absurd amount of work.
func CheckImportedHash(hash string) error {
	match := bcryptHash.FindStringSubmatch(hash)
	if match == nil {
		return apierr.Text(http.StatusBadRequest, "The password hash must be bcrypt in modular crypt form.")
	}
	if cost, err := strconv.Atoi(match[1]); err != nil || cost < 4 || cost > maxBcryptCost {
		return apierr.Text(http.StatusBadRequest, "The cost of the password hash must lie between 4 and 16.")
	}
	return nil
}
