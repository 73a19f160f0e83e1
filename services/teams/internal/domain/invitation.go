package domain

import (
	"strings"
	"time"

	"vestibule.dev/pkg/ids"
)

// InvitationTTL is how long an invitation can be accepted (teams.md §5).
const InvitationTTL = 7 * 24 * time.Hour

// Invitation is a pending invitation to a team.
type Invitation struct {
	ids.Tenant

	// ID is that of the one-time code.
	ID              string
	TeamID          string
	TeamDisplayName string
	// RecipientEmail is normalised.
	RecipientEmail string
	ExpiresAt      time.Time
}

// NormalizeEmail returns the form in which addresses are stored and compared:
// no surrounding space, lower case, dots and tags kept.
func NormalizeEmail(email string) string {
	return strings.ToLower(strings.TrimSpace(email))
}
