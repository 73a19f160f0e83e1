package postgres

import (
	"context"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// Credential implements app.UserStore.
func (s *Store) Credential(ctx context.Context, tenant ids.Tenant, userID string) (*app.Credential, error) {
	row, err := s.queries(ctx).Credential(ctx, db.CredentialParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: userID,
	})
	return found(row, err, func(row db.CredentialRow) (*app.Credential, error) {
		return toCredential(row.UserID, row.Hash, row.ChangedAt), nil
	})
}

// EmailOwner implements app.UserStore.
func (s *Store) EmailOwner(ctx context.Context, tenant ids.Tenant, email string) (*app.EmailOwner, error) {
	row, err := s.queries(ctx).EmailOwner(ctx, db.EmailOwnerParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Typed: email, Normalized: domain.NormalizeEmail(email),
	})
	return found(row, err, func(row db.EmailOwnerRow) (*app.EmailOwner, error) {
		user, err := toUser(row.UserDetail)
		if err != nil {
			return nil, err
		}
		return &app.EmailOwner{
			User:       user,
			Credential: toCredential(user.ID, row.Hash, row.ChangedAt),
			IsVerified: row.IsVerified,
		}, nil
	})
}

// UpgradePasswordHash implements app.UserStore.
func (s *Store) UpgradePasswordHash(ctx context.Context, tenant ids.Tenant, credential *app.Credential, hash string) error {
	return s.queries(ctx).UpgradePasswordHash(ctx, db.UpgradePasswordHashParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: credential.UserID, Hash: hash, KnownSince: credential.PasswordChangedAt,
	})
}

func (t *tx) CreatePassword(ctx context.Context, tenant ids.Tenant, userID, hash string) (created bool, err error) {
	rows, err := t.queries.CreatePassword(ctx, db.CreatePasswordParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, Hash: hash,
	})
	if pg.ConstraintName(err) == "passwords_user_id_fk" {
		return false, apierr.UserNotFound().WithCause(err)
	}
	return rows == 1, err
}

func (t *tx) SetPassword(ctx context.Context, tenant ids.Tenant, userID, hash string) error {
	return t.queries.SetPassword(ctx, db.SetPasswordParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, Hash: hash,
	})
}

func (t *tx) ReplacePassword(ctx context.Context, tenant ids.Tenant, credential *app.Credential, hash string) (replaced bool, err error) {
	rows, err := t.queries.ReplacePassword(ctx, db.ReplacePasswordParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: credential.UserID, Hash: hash, KnownSince: credential.PasswordChangedAt,
	})
	return rows == 1, err
}

func (t *tx) DeletePassword(ctx context.Context, tenant ids.Tenant, userID string) error {
	return t.queries.DeletePassword(ctx, db.DeletePasswordParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	})
}

func (t *tx) DeletePasskey(ctx context.Context, tenant ids.Tenant, userID string) error {
	return t.queries.DeletePasskey(ctx, db.DeletePasskeyParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	})
}

func toCredential(userID string, hash *string, changedAt *time.Time) *app.Credential {
	credential := &app.Credential{UserID: userID}
	if hash != nil {
		credential.PasswordHash, credential.PasswordChangedAt = *hash, *changedAt
	}
	return credential
}
