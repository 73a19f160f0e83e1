package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/postgres/db"
)

func (t *tx) CreateMailing(ctx context.Context, mailing app.Mailing) error {
	plain, err := json.Marshal(mailing.Email)
	if err != nil {
		return fmt.Errorf("seal a mailing: %w", err)
	}
	tenant, id := mailing.Email.Tenant, mailing.ID
	if err := t.queries.CreateMailing(ctx, db.CreateMailingParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: id,
		Email:   t.store.box.Seal(plain, "mailings", "email", tenant.ProjectID, tenant.BranchID, id),
		UserIds: mailing.UserIDs, AfterUser: orNull(mailing.After),
	}); err != nil {
		return err
	}
	return t.queries.NotifyWorkers(ctx)
}

func (t *tx) ClaimMailing(ctx context.Context, users, unrendered int) (*app.Mailing, error) {
	row, err := t.queries.ClaimMailing(ctx, db.ClaimMailingParams{MaxUsers: int32(users), MaxUnrendered: int32(unrendered)})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	mailing := &app.Mailing{ID: row.ID, UserIDs: row.UserIds, Done: int(row.Done), Total: int(row.Total), After: text(row.AfterUser)}
	plain, err := t.store.box.Open(row.Email, "mailings", "email", row.ProjectID, row.BranchID, row.ID)
	if err == nil {
		err = json.Unmarshal(plain, &mailing.Email)
	}
	mailing.Email.Tenant = ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID}
	if err != nil {
		mailing.Unreadable = fmt.Errorf("open mailing %s: %w", row.ID, err)
	}
	return mailing, nil
}

func (t *tx) AdvanceMailing(ctx context.Context, mailing *app.Mailing, done int) error {
	tenant := mailing.Email.Tenant
	return t.queries.AdvanceMailing(ctx, db.AdvanceMailingParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: mailing.ID, Done: int32(done),
	})
}

func (t *tx) ContinueMailing(ctx context.Context, mailing *app.Mailing, userIDs []string, after string) error {
	tenant := mailing.Email.Tenant
	_, err := t.queries.ContinueMailing(ctx, db.ContinueMailingParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: mailing.ID,
		UserIds: list(userIDs), AfterUser: orNull(after), LastUser: mailing.After,
	})
	return err
}

func (t *tx) DeleteMailing(ctx context.Context, mailing *app.Mailing) error {
	tenant := mailing.Email.Tenant
	return t.queries.DeleteMailing(ctx, db.DeleteMailingParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: mailing.ID})
}
