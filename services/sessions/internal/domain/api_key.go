package domain

import (
	"time"

	"vestibule.dev/pkg/ids"
)

// APIKeyOwner is who an API key speaks for: a user or a team.
type APIKeyOwner struct {
	Type ids.KeyOwner
	ID   string
}

// APIKey is a key that a user or a team gave to a program (teams.md §10). Its
// text is known to its owner alone.
type APIKey struct {
	ids.Tenant

	ID          string
	Owner       APIKeyOwner
	Description string
	// IsPublic keys may be shown to anybody; they have the rights of others.
	IsPublic bool
	// LastFour are the last characters of the text.
	LastFour  string
	CreatedAt time.Time
	// ExpiresAt is nil when the key never expires. It may lie in the past.
	ExpiresAt *time.Time
	// RevokedAt is nil while the key is not revoked.
	RevokedAt *time.Time
	// Version counts the changes.
	Version int64
}

// LastFour returns the characters of a key's text that are kept.
func LastFour(text string) string { return text[max(0, len(text)-4):] }
