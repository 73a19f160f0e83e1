package app

import (
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// Event is a fact of this context; package events turns it into its published
// form. Which facts are told is the contract's choice (teams.md §11).
type Event interface{ isEvent() }

// TeamCreated says that a team came into being.
type TeamCreated struct {
	Team domain.Team
	// CreatorUserID is empty for a team without creator.
	CreatorUserID string
	Personal      bool
}

// TeamUpdated says that a team's fields changed.
type TeamUpdated struct{ Team domain.Team }

// TeamDeleted says that a team is gone, with everything in it.
type TeamDeleted struct {
	Tenant ids.Tenant
	TeamID string
	// Version is greater than that of any event of the team before.
	Version int64
	// UserIDs were its members.
	UserIDs []string
}

// MembershipCreated says that a user joined a team.
type MembershipCreated struct{ Membership domain.Membership }

// MembershipDeleted says that a user no longer belongs to a team.
type MembershipDeleted struct{ Membership domain.Membership }

// TeamPermissionCreated says that a member was granted a permission.
type TeamPermissionCreated struct {
	Membership   domain.Membership
	PermissionID string
}

// TeamPermissionDeleted says that a permission was taken from a member.
type TeamPermissionDeleted struct {
	Membership   domain.Membership
	PermissionID string
}

// ProjectPermissionCreated says that a user was granted a permission outside
// teams.
type ProjectPermissionCreated struct {
	Tenant               ids.Tenant
	UserID, PermissionID string
}

// ProjectPermissionDeleted says that a permission outside teams was taken from a
// user.
type ProjectPermissionDeleted struct {
	Tenant               ids.Tenant
	UserID, PermissionID string
}

func (TeamCreated) isEvent()              {}
func (TeamUpdated) isEvent()              {}
func (TeamDeleted) isEvent()              {}
func (MembershipCreated) isEvent()        {}
func (MembershipDeleted) isEvent()        {}
func (TeamPermissionCreated) isEvent()    {}
func (TeamPermissionDeleted) isEvent()    {}
func (ProjectPermissionCreated) isEvent() {}
func (ProjectPermissionDeleted) isEvent() {}
