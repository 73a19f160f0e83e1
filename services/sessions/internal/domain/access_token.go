package domain

import (
	"time"

	"vestibule.dev/pkg/ids"
)

// Subject is what an access token says about its user (auth.md §2.2).
type Subject struct {
	UserID         string
	Name           *string
	Email          *string
	EmailVerified  bool
	SelectedTeamID *string
	SignedUpAt     time.Time
	Anonymous      bool
	Restricted     bool
	// RestrictedReason is empty when the user is not restricted.
	RestrictedReason string
	RequiresTOTP     bool
}

// Kind returns the kind of user the subject is.
func (s Subject) Kind() Kind {
	switch {
	case s.Anonymous:
		return Anonymous
	case s.Restricted:
		return Restricted
	default:
		return Ordinary
	}
}

// AccessToken is the content of an access token before it is dated and signed.
type AccessToken struct {
	ids.Tenant

	SessionID string
	Subject   Subject
}

// Audience returns whom the token is for.
func (t AccessToken) Audience() Audience {
	return Audience{ProjectID: t.ProjectID, Kind: t.Subject.Kind()}
}
