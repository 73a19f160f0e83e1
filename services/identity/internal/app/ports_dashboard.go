package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
)

// DashboardStore counts users.
type DashboardStore interface {
	// UserFigures counts users, and their activity on the last days, today's
	// included.
	UserFigures(ctx context.Context, tenant ids.Tenant, days int, includeAnonymous bool) (*UserFigures, error)
	// UsersWithoutVerifiedEmail reads users who are not restricted, unless for
	// want of a verified primary address: the first who signed up, and how many
	// there are.
	UsersWithoutVerifiedEmail(ctx context.Context, tenant ids.Tenant, limit int) (first []AffectedUser, total int, err error)
}

// UserFigures are figures about the users of a project.
type UserFigures struct {
	// Verified and Unverified users are not anonymous; an anonymous user may be
	// restricted besides.
	Verified, Unverified, Anonymous, Restricted, WithSecondFactor int
	// Days are in order, the last is today.
	Days []DayFigures
	// ByCountry has two-letter codes as keys.
	ByCountry map[string]int
	// Methods are in order, the most used first.
	Methods []MethodFigure
}

// DayFigures are those of one day of UTC.
type DayFigures struct {
	Day                  time.Time
	SignUps, ActiveUsers int
}

// MethodFigure is how many users have a way to sign in: password, otp, passkey
// or the key of an OAuth provider.
type MethodFigure struct {
	Method string
	Users  int
}

// AffectedUser is somebody whom a change would restrict.
type AffectedUser struct {
	ID                        string
	DisplayName, PrimaryEmail *string
	// Reason is why they would be restricted.
	Reason string
}
