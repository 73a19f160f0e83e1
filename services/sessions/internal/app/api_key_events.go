package app

import (
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/domain"
)

// APIKeyCreated says that a user or a team got a key.
type APIKeyCreated struct{ Key domain.APIKey }

// APIKeyUpdated says that a key was described anew or revoked.
type APIKeyUpdated struct {
	Key domain.APIKey
	// Revoked says that this change revoked it.
	Revoked bool
}

// APIKeysDeleted says that an owner is gone with all their keys.
type APIKeysDeleted struct {
	Tenant ids.Tenant
	Owner  domain.APIKeyOwner
	KeyIDs []string
}

func (APIKeyCreated) isEvent()  {}
func (APIKeyUpdated) isEvent()  {}
func (APIKeysDeleted) isEvent() {}
