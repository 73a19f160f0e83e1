package app

import (
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/domain"
)

// Event is a fact of this context; package events turns it into its published
// form.
type Event interface{ isEvent() }

// SessionCreated says that a user signed in on a device.
type SessionCreated struct {
	Tenant            ids.Tenant
	SessionID, UserID string
	IsImpersonation   bool
}

// SessionsRevoked says that sessions of a user ended before their time.
type SessionsRevoked struct {
	Tenant     ids.Tenant
	UserID     string
	SessionIDs []string
	Reason     RevocationReason
}

// SigningKeyRotated says that another key signs from now on.
type SigningKeyRotated struct {
	Audience domain.Audience
	// KID is the key that signs from now on.
	KID string
}

// RevocationReason says why sessions ended.
type RevocationReason string

// Reasons why sessions end.
const (
	SignedOut       RevocationReason = "sign_out"
	Deleted         RevocationReason = "deleted"
	PasswordChanged RevocationReason = "password_changed"
	UserDeleted     RevocationReason = "user_deleted"
	// CodeReplayed says that the authorization code that the session came from
	// was presented again.
	CodeReplayed RevocationReason = "code_replayed"
)

func (SessionCreated) isEvent()    {}
func (SessionsRevoked) isEvent()   {}
func (SigningKeyRotated) isEvent() {}
