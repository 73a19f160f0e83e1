package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/sessions/internal/domain"
)

// Configs knows the configuration of projects.
type Configs interface {
	// Get returns the configuration of a branch, at least as new as the
	// version; the newest for version 0.
	Get(ctx context.Context, tenant ids.Tenant, minVersion int64) (*projectconfig.Config, error)
}

// Teams knows teams and who may do what in them.
type Teams interface {
	// TeamExists reports whether the tenant has such a team.
	TeamExists(ctx context.Context, tenant ids.Tenant, teamID string) (bool, error)
	// Permissions returns the ids of the permissions that a user holds in a
	// team, directly or through others that contain them; none for who is not a
	// member.
	Permissions(ctx context.Context, tenant ids.Tenant, teamID, userID string) ([]string, error)
	// MembersWith lists the ids of the members of a team who hold a permission,
	// directly or not, in the order in which they joined.
	MembersWith(ctx context.Context, tenant ids.Tenant, teamID, permissionID string) (userIDs []string, err error)
}

// APIKeyStore is the part of a Store that remembers API keys.
type APIKeyStore interface {
	// APIKey reads a key of one type of owner; nil when there is none.
	APIKey(ctx context.Context, tenant ids.Tenant, owner ids.KeyOwner, keyID string) (*domain.APIKey, error)
	// APIKeysOfOwner lists an owner's keys, newest first, revoked and expired
	// ones included.
	APIKeysOfOwner(ctx context.Context, tenant ids.Tenant, owner domain.APIKeyOwner) ([]domain.APIKey, error)
	// FindAPIKey reads the key that a text is, in one statement, and whether it
	// has expired; nil when there is none.
	FindAPIKey(ctx context.Context, tenant ids.Tenant, text string) (key *domain.APIKey, expired bool, err error)
	// FindAPIKeyAnywhere is FindAPIKey over all projects.
	FindAPIKeyAnywhere(ctx context.Context, text string) (key *domain.APIKey, expired bool, err error)
	// UserDeleted reports whether identity has deleted the user.
	UserDeleted(ctx context.Context, tenant ids.Tenant, userID string) (bool, error)
}

// Mail is a mail to a user.
type Mail struct {
	ID        string
	Tenant    ids.Tenant
	Template  string
	UserID    string
	Variables map[string]string
}

// APIKeyTx is the part of a Tx that writes API keys.
type APIKeyTx interface {
	// CreateAPIKey inserts a key, of whose text it keeps the hash, and returns it
	// as it is then; nil when its owner or project was deleted.
	CreateAPIKey(ctx context.Context, key domain.APIKey, text string) (*domain.APIKey, error)
	// UpdateAPIKey describes a key anew or revokes it, and reports whether this
	// revoked it. It returns nil when the key is gone, or was already like that.
	UpdateAPIKey(ctx context.Context, tenant ids.Tenant, owner ids.KeyOwner, keyID string, change APIKeyChange) (key *domain.APIKey, revoked bool, err error)
	// DeleteAPIKeysOfOwner deletes an owner's keys and returns their ids.
	DeleteAPIKeysOfOwner(ctx context.Context, tenant ids.Tenant, owner domain.APIKeyOwner) (keyIDs []string, err error)
	// RememberDeletedTeam makes later CreateAPIKey calls for the team return nil.
	RememberDeletedTeam(ctx context.Context, tenant ids.Tenant, teamID string) error
	// EnqueueMails hands mails over after the commit.
	EnqueueMails(ctx context.Context, mails ...Mail) error
}
