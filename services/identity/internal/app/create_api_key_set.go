package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/domain"
)

// NewAPIKeySet says which keys to make.
type NewAPIKeySet struct {
	Description string
	// ExpiresAt may lie in the past.
	ExpiresAt time.Time

	PublishableClientKey, SecretServerKey, SuperSecretAdminKey bool
}

// ProjectKeys are the texts of a project's keys; a key that does not exist is
// empty.
type ProjectKeys struct {
	PublishableClientKey, SecretServerKey, SuperSecretAdminKey secret.Secret
}

// CreateAPIKeySet makes keys for the project. Their texts are in the answer and
// nowhere else.
func (a *App) CreateAPIKeySet(ctx context.Context, wanted NewAPIKeySet) (*domain.APIKeySet, ProjectKeys, error) {
	_, tenant, err := projectRequest(ctx)
	if err != nil {
		return nil, ProjectKeys{}, err
	}
	var keys ProjectKeys
	for _, key := range []struct {
		wanted bool
		kind   ids.ProjectKeyKind
		text   *secret.Secret
	}{
		{wanted.PublishableClientKey, ids.PublishableClientKey, &keys.PublishableClientKey},
		{wanted.SecretServerKey, ids.SecretServerKey, &keys.SecretServerKey},
		{wanted.SuperSecretAdminKey, ids.SuperSecretAdminKey, &keys.SuperSecretAdminKey},
	} {
		if key.wanted {
			*key.text = secret.Secret(ids.NewProjectKey(key.kind))
		}
	}
	set := newAPIKeySet(ids.NewUUID(), wanted.Description, wanted.ExpiresAt, keys)
	_, err = a.changeProject(ctx, tenant, func(ctx context.Context, tx Tx, project *domain.ConfiguredProject) ([]Event, error) {
		if err := tx.CreateAPIKeySet(ctx, project.ID, set); err != nil {
			return nil, err
		}
		return []Event{APIKeySetCreated{ProjectID: project.ID, KeySetID: set.ID, Version: project.Version}}, nil
	})
	if err != nil {
		return nil, ProjectKeys{}, err
	}
	return set, keys, nil
}

func newAPIKeySet(id, description string, expiresAt time.Time, keys ProjectKeys) *domain.APIKeySet {
	return &domain.APIKeySet{
		ID: id, Description: description, ExpiresAt: expiresAt,
		PublishableClientKey: storedKey(keys.PublishableClientKey),
		SecretServerKey:      storedKey(keys.SecretServerKey),
		SuperSecretAdminKey:  storedKey(keys.SuperSecretAdminKey),
	}
}

// storedKey returns what is kept of a key; nil for no key.
func storedKey(key secret.Secret) *domain.StoredKey {
	text := key.Reveal()
	if text == "" {
		return nil
	}
	return &domain.StoredKey{Hash: secret.HashToken(text), LastFour: text[max(0, len(text)-4):]}
}
