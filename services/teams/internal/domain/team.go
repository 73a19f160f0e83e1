package domain

import (
	"encoding/json"
	"time"

	"vestibule.dev/pkg/ids"
)

// PlaceholderName is the name of a personal team whose user has neither a
// display name nor an address. It is also how such a team is recognised when
// its anonymous user becomes a real one.
const PlaceholderName = "Personal Team"

// Team is a group of users. Metadata is any JSON; nil stands for null.
type Team struct {
	ids.Tenant

	ID                     string
	DisplayName            string
	ProfileImageURL        *string
	ClientMetadata         json.RawMessage
	ClientReadOnlyMetadata json.RawMessage
	ServerMetadata         json.RawMessage
	Version                int64
	CreatedAt              time.Time
}

// Membership says that a user belongs to a team.
type Membership struct {
	ids.Tenant

	TeamID string
	UserID string
}

// Folders of uploaded pictures (users.md §1.5).
const (
	TeamProfileImages       = "team-profile-images"
	TeamMemberProfileImages = "team-member-profile-images"
)

// MemberProfile is what a member is called and looks like in a team; nil is as
// elsewhere.
type MemberProfile struct {
	Membership

	DisplayName     *string
	ProfileImageURL *string
}

// PersonalTeamName names a user's personal team after the user
// (users.md §2.8).
func PersonalTeamName(displayName, primaryEmail string) string {
	switch {
	case displayName != "":
		return displayName + "'s Team"
	case primaryEmail != "":
		return primaryEmail + "'s Team"
	default:
		return PlaceholderName
	}
}
