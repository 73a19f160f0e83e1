package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
)

// UserDirectory lists users.
type UserDirectory interface {
	// Users lists the users that pass the filter, in its order; next is the
	// user who would follow, empty when there is none.
	Users(ctx context.Context, tenant ids.Tenant, filter UserFilter) (users []domain.User, next string, err error)
}

// UserFilter selects and orders users.
type UserFilter struct {
	// UserIDs are the only users that count; nil for all.
	UserIDs []string
	// Search is part of the name or of an address, whatever the case; empty
	// for all.
	Search string
	// SearchID is the user who passes the search without it being so.
	SearchID  string
	Anonymous AnonymousFilter
	// WithoutRestricted leaves out whom an administrator restricted.
	WithoutRestricted bool
	// WithoutUnverified leaves out who has no verified primary address.
	WithoutUnverified bool

	Order UserOrder
	Desc  bool
	// Cursor is the user to begin with, who need not pass; nobody is listed
	// when there is no such user.
	Cursor string
	// Limit is positive.
	Limit int
	// MaxBytes bounds what the users take in memory together; the first is
	// read whatever it takes.
	MaxBytes int
}

// AnonymousFilter says what becomes of anonymous users.
type AnonymousFilter int

// What becomes of anonymous users.
const (
	WithAnonymous AnonymousFilter = iota
	WithoutAnonymous
	OnlyAnonymous
)

// TeamMember is one user in one team.
type TeamMember struct{ TeamID, UserID string }

// TeamDirectory is what listing asks of the teams context.
type TeamDirectory interface {
	// MemberIDs lists the members of a team; none for an unknown team.
	MemberIDs(ctx context.Context, tenant ids.Tenant, teamID string) (userIDs []string, err error)
	// Memberships reads the teams of those memberships that exist.
	Memberships(ctx context.Context, tenant ids.Tenant, members []TeamMember) (map[TeamMember]*domain.Team, error)
}
