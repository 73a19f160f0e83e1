package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
	"vestibule.dev/services/sessions/internal/postgres/db"
)

// APIKey implements app.Store.
func (s *Store) APIKey(ctx context.Context, tenant ids.Tenant, owner ids.KeyOwner, keyID string) (*domain.APIKey, error) {
	return foundAPIKey(s.queries(ctx).APIKey(ctx, db.APIKeyParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: keyID, OwnerType: string(owner),
	}))
}

// APIKeysOfOwner implements app.Store.
func (s *Store) APIKeysOfOwner(ctx context.Context, tenant ids.Tenant, owner domain.APIKeyOwner) ([]domain.APIKey, error) {
	rows, err := s.queries(ctx).APIKeysOfOwner(ctx, db.APIKeysOfOwnerParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, OwnerType: string(owner.Type), OwnerID: owner.ID,
	})
	if err != nil {
		return nil, err
	}
	keys := make([]domain.APIKey, 0, len(rows))
	for _, row := range rows {
		keys = append(keys, *apiKey(row))
	}
	return keys, nil
}

// FindAPIKey implements app.Store.
func (s *Store) FindAPIKey(ctx context.Context, tenant ids.Tenant, text string) (key *domain.APIKey, expired bool, err error) {
	row, err := s.queries(ctx).FindAPIKey(ctx, db.FindAPIKeyParams{
		KeyHash: secret.HashToken(text), ProjectID: tenant.ProjectID, BranchID: tenant.BranchID,
	})
	key, err = foundAPIKey(row.ApiKey, err)
	return key, row.Expired, err
}

// FindAPIKeyAnywhere implements app.Store.
func (s *Store) FindAPIKeyAnywhere(ctx context.Context, text string) (key *domain.APIKey, expired bool, err error) {
	ctx = tenancy.ForAllProjects(ctx) // the key says which project's it is
	row, err := s.queries(ctx).FindAPIKeyAnywhere(ctx, secret.HashToken(text))
	key, err = foundAPIKey(row.ApiKey, err)
	return key, row.Expired, err
}

// UserDeleted implements app.Store.
func (s *Store) UserDeleted(ctx context.Context, tenant ids.Tenant, userID string) (bool, error) {
	return s.queries(ctx).UserDeleted(ctx, db.UserDeletedParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID})
}

func (t *tx) CreateAPIKey(ctx context.Context, key domain.APIKey, text string) (*domain.APIKey, error) {
	return foundAPIKey(t.queries.CreateAPIKey(ctx, db.CreateAPIKeyParams{
		ProjectID:   key.ProjectID,
		BranchID:    key.BranchID,
		ID:          key.ID,
		OwnerType:   string(key.Owner.Type),
		OwnerID:     key.Owner.ID,
		Description: key.Description,
		IsPublic:    key.IsPublic,
		KeyHash:     secret.HashToken(text),
		LastFour:    key.LastFour,
		ExpiresAt:   key.ExpiresAt,
	}))
}

func (t *tx) UpdateAPIKey(ctx context.Context, tenant ids.Tenant, owner ids.KeyOwner, keyID string, change app.APIKeyChange) (key *domain.APIKey, revoked bool, err error) {
	row, err := t.queries.UpdateAPIKey(ctx, db.UpdateAPIKeyParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: keyID, OwnerType: string(owner),
		Description: change.Description, Revoke: change.Revoke,
	})
	key, err = foundAPIKey(row.ApiKey, err)
	return key, row.RevokedNow, err
}

func (t *tx) DeleteAPIKeysOfOwner(ctx context.Context, tenant ids.Tenant, owner domain.APIKeyOwner) (keyIDs []string, err error) {
	return t.queries.DeleteAPIKeysOfOwner(ctx, db.DeleteAPIKeysOfOwnerParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, OwnerType: string(owner.Type), OwnerID: owner.ID,
	})
}

func (t *tx) RememberDeletedTeam(ctx context.Context, tenant ids.Tenant, teamID string) error {
	return t.queries.RememberDeletedTeam(ctx, db.RememberDeletedTeamParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, TeamID: teamID,
	})
}

func (t *tx) EnqueueMails(ctx context.Context, mails ...app.Mail) error {
	var waiting []courier.Mail
	for _, mail := range mails {
		waiting = append(waiting, courier.Mail{
			ID: mail.ID, Tenant: mail.Tenant, Template: mail.Template, ToUserID: mail.UserID, Variables: mail.Variables, HighPriority: true,
		})
	}
	return courier.Enqueue(ctx, t.tx, t.box, waiting...)
}

// foundAPIKey turns the error that there is no row into nil.
func foundAPIKey(row db.ApiKey, err error) (*domain.APIKey, error) {
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return apiKey(row), nil
}

func apiKey(row db.ApiKey) *domain.APIKey {
	return &domain.APIKey{
		Tenant:      ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID},
		ID:          row.ID,
		Owner:       domain.APIKeyOwner{Type: ids.KeyOwner(row.OwnerType), ID: row.OwnerID},
		Description: row.Description,
		IsPublic:    row.IsPublic,
		LastFour:    row.LastFour,
		CreatedAt:   row.CreatedAt,
		ExpiresAt:   row.ExpiresAt,
		RevokedAt:   row.RevokedAt,
		Version:     row.Version,
	}
}
