package domain

import (
	"strings"

	"vestibule.dev/pkg/ids"
)

// ContactChannelEmail is the only type of contact channel.
const ContactChannelEmail = "email"

// ContactChannel is one address of a user.
type ContactChannel struct {
	ids.Tenant

	UserID string
	ID     string
	Type   string
	// Value is normalised.
	Value       string
	IsPrimary   bool
	IsVerified  bool
	UsedForAuth bool
}

// NormalizeEmail returns the form in which addresses are stored and compared:
// no surrounding space, lower case, dots and tags kept.
func NormalizeEmail(email string) string {
	return strings.ToLower(strings.TrimSpace(email))
}

// EmailDomain returns what follows the last @ of an address; empty when there is
// none.
func EmailDomain(email string) string {
	at := strings.LastIndexByte(email, '@')
	if at < 0 {
		return ""
	}
	return email[at+1:]
}
