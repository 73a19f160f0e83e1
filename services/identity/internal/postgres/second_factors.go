package postgres

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// SecondFactor implements app.SecondFactorStore.
func (s *Store) SecondFactor(ctx context.Context, tenant ids.Tenant, userID string) (*app.SecondFactor, error) {
	row, err := s.queries(ctx).SecondFactor(ctx, db.SecondFactorParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: userID,
	})
	return found(row, err, func(row db.SecondFactorRow) (*app.SecondFactor, error) {
		user, err := toUser(row.UserDetail)
		if err != nil {
			return nil, err
		}
		return &app.SecondFactor{
			User:       user,
			Credential: toCredential(user.ID, row.Hash, row.ChangedAt),
			TOTPSecret: row.TotpSecret,
		}, nil
	})
}

func (t *tx) UseTOTPStep(ctx context.Context, tenant ids.Tenant, userID string, step int64) (first bool, err error) {
	rows, err := t.queries.UseTOTPStep(ctx, db.UseTOTPStepParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, Step: step, Oldest: step - 2*domain.TOTPDrift,
	})
	if pg.ConstraintName(err) == "totp_steps_user_id_fk" {
		return false, apierr.UserNotFound().WithCause(err)
	}
	return rows == 1, err
}
