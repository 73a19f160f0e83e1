package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// APIKeySets implements app.ProjectStore.
func (s *Store) APIKeySets(ctx context.Context, projectID string) ([]domain.APIKeySet, error) {
	rows, err := s.queries(ctx).APIKeySets(ctx, projectID)
	if err != nil {
		return nil, err
	}
	sets := make([]domain.APIKeySet, 0, len(rows))
	for _, row := range rows {
		sets = append(sets, toAPIKeySet(row))
	}
	return sets, nil
}

// APIKeySet implements app.ProjectStore.
func (s *Store) APIKeySet(ctx context.Context, projectID, keySetID string) (*domain.APIKeySet, error) {
	row, err := s.queries(ctx).APIKeySet(ctx, db.APIKeySetParams{ProjectID: projectID, ID: keySetID})
	return found(row, err, func(row db.ApiKeySet) (*domain.APIKeySet, error) {
		set := toAPIKeySet(row)
		return &set, nil
	})
}

func (t *tx) CreateAPIKeySet(ctx context.Context, projectID string, set *domain.APIKeySet) (err error) {
	params := db.CreateAPIKeySetParams{
		ProjectID: projectID, ID: set.ID, Description: set.Description, ExpiresAt: set.ExpiresAt,
	}
	params.PublishableClientKeyHash, params.PublishableClientKeyLastFour = fromStoredKey(set.PublishableClientKey)
	params.SecretServerKeyHash, params.SecretServerKeyLastFour = fromStoredKey(set.SecretServerKey)
	params.SuperSecretAdminKeyHash, params.SuperSecretAdminKeyLastFour = fromStoredKey(set.SuperSecretAdminKey)
	set.CreatedAt, err = t.queries.CreateAPIKeySet(ctx, params)
	return err
}

func (t *tx) UpdateAPIKeySet(ctx context.Context, projectID string, set *domain.APIKeySet, revokes bool) error {
	revokedAt, err := t.queries.UpdateAPIKeySet(ctx, db.UpdateAPIKeySetParams{
		ProjectID: projectID, ID: set.ID, Description: set.Description, Revokes: revokes,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return apierr.APIKeyNotFound()
	}
	set.RevokedAt = revokedAt
	return err
}

func (t *tx) DeleteAPIKeySet(ctx context.Context, projectID, keySetID string) error {
	return t.queries.DeleteAPIKeySet(ctx, db.DeleteAPIKeySetParams{ProjectID: projectID, ID: keySetID})
}

func toAPIKeySet(row db.ApiKeySet) domain.APIKeySet {
	return domain.APIKeySet{
		ID:                   row.ID,
		Description:          row.Description,
		CreatedAt:            row.CreatedAt,
		ExpiresAt:            row.ExpiresAt,
		RevokedAt:            row.RevokedAt,
		PublishableClientKey: toStoredKey(row.PublishableClientKeyHash, row.PublishableClientKeyLastFour),
		SecretServerKey:      toStoredKey(row.SecretServerKeyHash, row.SecretServerKeyLastFour),
		SuperSecretAdminKey:  toStoredKey(row.SuperSecretAdminKeyHash, row.SuperSecretAdminKeyLastFour),
	}
}

// toStoredKey reads a key; nil when the set lacks it.
func toStoredKey(hash []byte, lastFour *string) *domain.StoredKey {
	if hash == nil {
		return nil
	}
	key := &domain.StoredKey{Hash: hash}
	if lastFour != nil {
		key.LastFour = *lastFour
	}
	return key
}

func fromStoredKey(key *domain.StoredKey) (hash []byte, lastFour *string) {
	if key == nil {
		return nil, nil
	}
	return key.Hash, &key.LastFour
}
