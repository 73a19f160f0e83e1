package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain/passkey"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// PasskeyOwner implements app.PasskeyStore.
func (s *Store) PasskeyOwner(ctx context.Context, tenant ids.Tenant, credentialID string) (*app.PasskeyOwner, error) {
	row, err := s.queries(ctx).PasskeyOwner(ctx, db.PasskeyOwnerParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CredentialID: credentialID,
	})
	return found(row, err, func(row db.PasskeyOwnerRow) (*app.PasskeyOwner, error) {
		user, err := toUser(row.UserDetail)
		if err != nil {
			return nil, err
		}
		return &app.PasskeyOwner{
			User:       user,
			Credential: toCredential(user.ID, row.Hash, row.ChangedAt),
			PublicKey:  row.PublicKey,
		}, nil
	})
}

func (t *tx) PutPasskey(ctx context.Context, tenant ids.Tenant, userID string, credential *passkey.Credential) (put bool, err error) {
	// The savepoint keeps the transaction usable when somebody else has the
	// credential.
	err = pgx.BeginFunc(ctx, t.tx, func(savepoint pgx.Tx) error {
		return t.queries.WithTx(savepoint).PutPasskey(ctx, db.PutPasskeyParams{
			ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
			CredentialID: credential.ID, PublicKey: credential.PublicKey, SignCount: int64(credential.SignCount),
		})
	})
	switch pg.ConstraintName(err) {
	case "passkeys_user_id_fk":
		return false, apierr.UserNotFound().WithCause(err)
	case "passkeys_credential_id_key":
		return false, nil
	}
	return err == nil, err
}

func (t *tx) UsePasskey(ctx context.Context, tenant ids.Tenant, userID, credentialID string, signCount uint32) (used bool, err error) {
	rows, err := t.queries.UsePasskey(ctx, db.UsePasskeyParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, CredentialID: credentialID, SignCount: int64(signCount),
	})
	return rows == 1, err
}
