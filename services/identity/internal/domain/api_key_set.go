package domain

import "time"

// APIKeySet is a set of up to three keys of a project that share description,
// expiry and revocation.
type APIKeySet struct {
	ID          string
	Description string
	CreatedAt   time.Time
	ExpiresAt   time.Time
	// RevokedAt is nil unless somebody revoked the set.
	RevokedAt *time.Time

	// Keys the set lacks are nil.
	PublishableClientKey *StoredKey
	SecretServerKey      *StoredKey
	SuperSecretAdminKey  *StoredKey
}

// StoredKey is what is kept of a key.
type StoredKey struct {
	// Hash is the SHA-256 of the key's text.
	Hash []byte
	// LastFour are the last characters of the text, for people to tell keys
	// apart.
	LastFour string
}
