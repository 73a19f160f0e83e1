package app

import (
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
)

// Event is a fact of this context; package events turns it into its published
// form.
type Event interface{ isEvent() }

// PersonalTeam is the team a new user starts with.
type PersonalTeam struct {
	ID          string
	DisplayName string
	// PermissionIDs are what the user may do there as its creator.
	PermissionIDs []string
}

// Provision is what the teams context gives a new user. It is decided as the
// user comes into being; later changes of the configuration do not count.
type Provision struct {
	// PersonalTeam is nil when the project creates none.
	PersonalTeam *PersonalTeam
	// PermissionIDs are what the user may do outside teams.
	PermissionIDs []string
	// ConfigVersion is the configuration that names the permissions.
	ConfigVersion int64
}

// Empty reports whether there is nothing to give.
func (p Provision) Empty() bool { return p.PersonalTeam == nil && len(p.PermissionIDs) == 0 }

// UserCreated says that a user came into being. The user is shown before the
// personal team became theirs.
type UserCreated struct {
	User      UserView
	Provision Provision
}

// UserUpdated says that a user's fields changed.
type UserUpdated struct {
	User UserView
	// TeamNaming is nil unless the user was anonymous before.
	TeamNaming *TeamNaming
}

// TeamNaming is what the teams of an upgraded user are named after that still
// have the placeholder name; either may be empty.
type TeamNaming struct{ DisplayName, PrimaryEmail string }

// UserDeleted says that a user is gone.
type UserDeleted struct {
	Tenant ids.Tenant
	UserID string
	// Version is greater than that of any event of the user before.
	Version int64
	// TeamIDs are the teams they were a member of, oldest first.
	TeamIDs []string
}

// PasswordChanged says that a password was set, replaced or removed.
type PasswordChanged struct {
	Tenant ids.Tenant
	UserID string
	// KeptSessionID is the session that survives; empty when none does.
	KeptSessionID string
	// RevokesSessions is false when the change ends no session.
	RevokesSessions bool
}

// ContactChannelCreated says that a user got another address.
type ContactChannelCreated struct{ Channel domain.ContactChannel }

// ContactChannelUpdated says that an address, or what it is good for, changed.
type ContactChannelUpdated struct{ Channel domain.ContactChannel }

// ContactChannelDeleted says that a user lost an address.
type ContactChannelDeleted struct {
	Tenant            ids.Tenant
	UserID, ChannelID string
}

// ContactChannelVerified says that an address was proved to belong to its user.
type ContactChannelVerified struct {
	Tenant            ids.Tenant
	UserID, ChannelID string
}

// SignUpRuleTriggered says that the condition of a sign-up rule held for
// somebody, whatever became of them.
type SignUpRuleTriggered struct {
	Tenant ids.Tenant
	RuleID string
	// Action is allow, reject, restrict or log.
	Action string
	Facts  SignUpFacts
}

func (UserCreated) isEvent()            {}
func (UserUpdated) isEvent()            {}
func (UserDeleted) isEvent()            {}
func (PasswordChanged) isEvent()        {}
func (ContactChannelCreated) isEvent()  {}
func (ContactChannelUpdated) isEvent()  {}
func (ContactChannelDeleted) isEvent()  {}
func (ContactChannelVerified) isEvent() {}
func (SignUpRuleTriggered) isEvent()    {}
