package app

import (
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// Event is a fact of this context; package events turns it into its published
// form.
type Event interface{ isEvent() }

// TeamCreated says that a team came into being.
type TeamCreated struct {
	Team          domain.Team
	CreatorUserID string
	Personal      bool
}

// TeamUpdated says that a team's fields changed.
type TeamUpdated struct{ Team domain.Team }

// MembershipDeleted says that a user no longer belongs to a team.
type MembershipDeleted struct {
	Tenant         ids.Tenant
	TeamID, UserID string
}

func (TeamCreated) isEvent()       {}
func (TeamUpdated) isEvent()       {}
func (MembershipDeleted) isEvent() {}
